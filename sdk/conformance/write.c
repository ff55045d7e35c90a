/* write.c - --write: what the provider did becomes what it must do. Only the golden members of a case change. */
#include <stdio.h>
#include <string.h>

#include "kit.h"

static bool write_bytes(const char *path, struct text bytes)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    bool ok = fwrite(bytes.ptr, 1, bytes.len, file) == bytes.len;
    return fclose(file) == 0 && ok;
}

static bool is_golden(struct text name)
{
    return text_is(name, "events") || text_is(name, "request") || text_is(name, "dropped") || text_is(name, "result");
}

static void begin_member(struct buf *out, const char *name)
{
    buf_printf(out, "%s\n      \"%s\": ", out->len > 1 ? "," : "", name);
}

static void put_lines(struct buf *out, struct text lines)
{
    bool first = true;

    begin_member(out, "events");
    buf_str(out, "[");
    while (lines.len > 0) {
        struct text line = text_cut(&lines, '\n');
        buf_str(out, first ? "\n        \"" : ",\n        \"");
        json_escape(out, line);
        buf_str(out, "\"");
        first = false;
    }
    buf_str(out, first ? "]" : "\n      ]");
}

struct text write_case(struct kit_case *c)
{
    struct buf out;
    struct text events_file = json_str(json_member(c->json, "events_file"));

    buf_init(&out, 64 << 20);
    buf_str(&out, "{");
    for (size_t i = 0; i < json_count(c->json); i++) {
        struct text name = json_key_at(c->json, i);
        if (is_golden(name))
            continue;
        begin_member(&out, arena_str(c->arena, name));
        buf_text(&out, json_text(json_at(c->json, i)));
    }
    if (c->status != GW_OK) {
        begin_member(&out, "result");
        buf_printf(&out, "\"%s\"", call_status_name(c->status));
    }
    if (events_file.ptr != NULL)
        write_bytes(case_path(c, events_file).ptr, buf_view(&c->golden));
    else if (json_member(c->json, "read") != NULL || json_member(c->json, "produce") != NULL)
        put_lines(&out, buf_view(&c->golden));
    if (c->request.len > 0) {
        begin_member(&out, "request");
        buf_text(&out, buf_view(&c->request));
    }
    if (c->dropped.len > 0) {
        begin_member(&out, "dropped");
        buf_text(&out, buf_view(&c->dropped));
    }
    buf_str(&out, "\n    }");
    struct text text = arena_text(&c->file->arena, buf_view(&out));
    buf_free(&out);
    return text;
}

bool write_file(const struct case_file *file, const struct json *const *cases, const struct text *texts, size_t count)
{
    struct buf out;
    const char *at = file->text.ptr, *end = at + file->text.len;

    buf_init(&out, 256 << 20);
    for (size_t i = 0; i < count; i++) {
        struct text old = json_text(cases[i]);
        if (texts[i].ptr == NULL)
            continue;
        buf_append(&out, at, (size_t)(old.ptr - at));
        buf_text(&out, texts[i]);
        at = old.ptr + old.len;
    }
    buf_append(&out, at, (size_t)(end - at));
    bool ok = text_eq(buf_view(&out), file->text) || write_bytes(file->path, buf_view(&out));
    buf_free(&out);
    return ok;
}
