/* deployment.c - puts the model of the path into the body, so that all that follows finds it where it is everywhere else. */
#include "face/deployment.h"

#include "base/json.h"
#include "base/scan.h"
#include "dialect/form.h"

/* The text from offset `from` up to `to`. */
static struct text cut_out(struct text t, size_t from, size_t to)
{
    return (struct text){ t.ptr + from, to - from };
}

static bool write_json(struct arena *arena, struct text body, struct text model, struct buf *out)
{
    struct scan scan;
    if (scan_object(arena, body, SCAN_MAX_DEPTH, &scan) < 0)
        return false;
    const struct scan_member *m = scan_get(&scan, "model");
    size_t brace = (size_t)text_find(body, TEXT("{")) + 1;
    size_t start = m != NULL ? (size_t)(m->value.ptr - body.ptr) : brace;
    buf_text(out, cut_out(body, 0, start));
    buf_str(out, m != NULL ? "\"" : "\"model\":\"");
    json_escape(out, model);
    buf_str(out, m != NULL || scan.count == 0 ? "\"" : "\",");
    return buf_text(out, cut_out(body, m != NULL ? start + m->value.len : start, body.len)) == 0;
}

/* The value of a part "model" is replaced; without one, a part is put in front of all others. */
static bool write_form(struct text content_type, struct text body, struct text model, struct buf *out)
{
    struct form form;
    struct text name, value, old = TEXT_NONE;
    if (!form_open(&form, content_type, body))
        return false;
    struct text mark = form.mark;
    while (form_next(&form, &name, &value))
        if (text_is(name, "model") && old.ptr == NULL)
            old = value;
    if (form.bad)
        return false;
    if (old.ptr == NULL) {
        buf_text(out, mark);
        buf_str(out, "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n");
        buf_text(out, model);
        buf_str(out, "\r\n");
        return buf_text(out, body) == 0;
    }
    buf_text(out, cut_out(body, 0, (size_t)(old.ptr - body.ptr)));
    buf_text(out, model);
    return buf_text(out, cut_out(body, (size_t)(old.ptr - body.ptr) + old.len, body.len)) == 0;
}

bool deployment_write(struct arena *arena, struct text content_type, struct text body, struct text model,
                      struct buf *out)
{
    if (form_is_meant(content_type, body))
        return write_form(content_type, body, model, out);
    return write_json(arena, body, model, out);
}
