/* messages_help.c - running the messages face, and comparing JSON. The checker of streams is messages_grammar.c. */
#include "messages_help.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct help help;

void help_begin(void)
{
    memset(&help, 0, sizeof help);
    arena_init(&help.arena, NULL, 0, 512 << 20);
}

void help_end(void)
{
    arena_fini(&help.arena);
}

const struct json *help_canonical(const struct face *face, struct text body)
{
    help.ask = (struct ask){ 0 };
    help.fail = (struct fail){ .kind = FAIL_NONE };
    if (face->decode(&help.arena, body, &help.ask, &help.fail) < 0)
        return NULL;
    return face->canonical(&help.arena, &help.ask, &help.fail);
}

const struct json *help_translate(const char *body)
{
    const struct json *v = help_canonical(&face_messages, text_of(body));
    cr_assert_not_null(v, "%s: %s", help.fail.param, help.fail.text);
    return v;
}

const struct json *help_json(struct text text)
{
    struct fail fail = { .kind = FAIL_NONE };
    const struct json *v = json_parse(&help.arena, text, &fail);
    cr_assert_not_null(v, "%s in %.*s", fail.text, (int)(text.len < 300 ? text.len : 300), text.ptr);
    return v;
}

const struct json *help_at(const struct json *v, const char *path)
{
    struct text rest = text_of(path);
    while (rest.len > 0 && v != NULL) {
        struct text part = text_cut(&rest, '.');
        int64_t index;
        if (json_type(v) == JSON_T_ARRAY)
            v = text_parse_u63(part, &index) == 0 ? json_at(v, (size_t)index) : NULL;
        else
            v = json_get(v, part);
    }
    return v;
}

const char *help_str(const struct json *v, const char *path)
{
    return arena_str(&help.arena, json_str(help_at(v, path)));
}

bool help_dropped(const char *member)
{
    for (const struct ask_dropped *d = help.ask.dropped; d != NULL; d = d->next)
        if (text_is(d->member, member))
            return d->why != NULL && d->why[0] != '\0';
    return false;
}

static bool same_members(const struct json *a, const struct json *b)
{
    for (size_t i = 0; i < json_count(a); i++)
        if (!help_equal(json_at(a, i), json_get(b, json_key_at(a, i))))
            return false;
    return json_count(a) == json_count(b);
}

bool help_equal(const struct json *a, const struct json *b)
{
    enum json_type type = json_type(a);
    bool numbers =
        (type == JSON_T_INT || type == JSON_T_REAL) && (json_type(b) == JSON_T_INT || json_type(b) == JSON_T_REAL);
    if (numbers)
        return json_real(a, 0) == json_real(b, 0);
    if (type != json_type(b))
        return false;
    if (type == JSON_T_OBJECT)
        return same_members(a, b);
    if (type == JSON_T_STR)
        return text_eq(json_str(a), json_str(b));
    if (type != JSON_T_ARRAY)
        return text_eq(json_text(a), json_text(b));
    for (size_t i = 0; i < json_count(a) || i < json_count(b); i++)
        if (!help_equal(json_at(a, i), json_at(b, i)))
            return false;
    return true;
}

static struct text read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s cannot be read", path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *bytes = arena_alloc(&help.arena, (size_t)size + 1);
    size_t got = fread(bytes, 1, (size_t)size, file);
    fclose(file);
    cr_assert_eq((long)got, size, "%s cannot be read", path);
    return (struct text){ bytes, got };
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

size_t help_each(const char *folder, void (*fn)(const char *name, const struct json *file))
{
    enum { MOST = 512 };
    static char names[MOST][128];
    char root[512], path[1024];
    size_t count = 0;
    snprintf(root, sizeof root, "%s", check_shared(folder));
    DIR *dir = opendir(root);
    cr_assert_not_null(dir, "%s", root);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (text_ends(text_of(entry->d_name), TEXT(".json")) && count < MOST)
            snprintf(names[count++], sizeof names[0], "%.120s", entry->d_name);
    closedir(dir);
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        help_begin();
        fn(names[i], help_json(read_file(path)));
        help_end();
    }
    return count;
}

void help_answer(const char *request_body)
{
    help.ask = (struct ask){ 0 };
    cr_assert_eq(face_messages.decode(&help.arena, text_of(request_body), &help.ask, &help.fail), 0, "%s",
                 help.fail.text);
    help.usage = (struct usage){ .source = USAGE_NONE };
    help.answer = (struct face_answer){ .arena = &help.arena,
                                        .ask = &help.ask,
                                        .request_id = TEXT("0199-aa-bb"),
                                        .model = TEXT("upstream"),
                                        .created = 1,
                                        .usage = &help.usage };
}

gw_event help_event(uint32_t type, uint32_t item, const char *id, const char *text, const char *data)
{
    struct text i = text_of(id), t = text_of(text), d = text_of(data);
    return (gw_event){ .size = sizeof(gw_event),
                       .type = type,
                       .item = item,
                       .id = { i.ptr, i.len },
                       .text = { t.ptr, t.len },
                       .data = { d.ptr, d.len } };
}

void help_run(const gw_event *events, size_t count, const char *what, bool json, struct help_message *out)
{
    static struct help_message whole;
    struct buf stream, body;
    struct face_answer folded = help.answer;
    buf_init(&stream, 64 << 20);
    buf_init(&body, 64 << 20);
    for (size_t i = 0; i < count; i++) {
        face_messages.stream_event(&help.answer, &events[i], &stream);
        face_messages.fold_event(&folded, &events[i]);
    }
    face_messages.stream_end(&help.answer, &stream);
    face_messages.fold_end(&folded, &body);
    help_read_stream(arena_text(&help.arena, buf_view(&stream)), what, json, out);
    help_read_whole(arena_text(&help.arena, buf_view(&body)), what, &whole);
    if (json)
        help_same(out, &whole, what);
    buf_free(&stream);
    buf_free(&body);
}

uint64_t help_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}
