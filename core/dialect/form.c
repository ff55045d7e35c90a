/* form.c - reads multipart/form-data, strictly. */
#include "dialect/form.h"

#define CRLF TEXT("\r\n")

static struct text after(struct text t, size_t len)
{
    return (struct text){ t.ptr + len, t.len - len };
}

/* The offset of `needle` whatever its case, or -1. */
static ptrdiff_t find_nocase(struct text t, struct text needle)
{
    for (size_t i = 0; i + needle.len <= t.len; i++)
        if (text_starts_nocase(after(t, i), needle))
            return (ptrdiff_t)i;
    return -1;
}

/* The one parameter "boundary"; absent when there is none or more than one. */
static struct text boundary_of(struct text content_type)
{
    static const struct text name = { "boundary", 8 };
    ptrdiff_t at = find_nocase(content_type, name);
    if (!text_starts_nocase(content_type, TEXT("multipart/form-data")) || at < 0)
        return TEXT_NONE;
    struct text rest = after(content_type, (size_t)at + name.len);
    if (!text_starts(rest, TEXT("=")) || find_nocase(rest, name) >= 0)
        return TEXT_NONE;
    rest = after(rest, 1);
    struct text value = text_trim(text_cut(&rest, ';'));
    if (value.len >= 2 && text_starts(value, TEXT("\"")) && text_ends(value, TEXT("\"")))
        value = (struct text){ value.ptr + 1, value.len - 2 };
    return value;
}

bool form_is_meant(struct text content_type, struct text body)
{
    return text_starts_nocase(content_type, TEXT("multipart/")) || text_starts(body, TEXT("--"));
}

bool form_open(struct form *form, struct text content_type, struct text body)
{
    ptrdiff_t end = text_find(body, CRLF);
    struct text boundary = boundary_of(content_type);
    *form = (struct form){ .bad = true };
    if (end <= 2 || end > 72 || !text_starts(body, TEXT("--")) ||
        !text_eq((struct text){ body.ptr + 2, (size_t)end - 2 }, boundary))
        return false;
    form->mark = (struct text){ body.ptr, (size_t)end };
    form->rest = after(body, (size_t)end);
    form->bad = false;
    return true;
}

/* A token or a quoted string without escapes, cut off *rest; absent when it is neither. */
static struct text take_value(struct text *rest)
{
    size_t i = 0;
    struct text value;
    if (text_starts(*rest, TEXT("\""))) {
        *rest = after(*rest, 1);
        value = text_cut(rest, '"');
        if (rest->ptr == NULL)
            return TEXT_NONE; /* no quote at the end */
        return value;
    }
    while (i < rest->len && rest->ptr[i] != ';' && rest->ptr[i] != ' ' && rest->ptr[i] != '"')
        i++;
    value = (struct text){ rest->ptr, i };
    *rest = after(*rest, i);
    return value.len > 0 ? value : TEXT_NONE;
}

/* form-data; name="x"; filename="y". False when it is not written plainly. */
static bool read_disposition(struct text rest, struct text *name)
{
    rest = text_trim(rest);
    if (!text_starts_nocase(rest, TEXT("form-data")) || text_find(rest, TEXT("\\\"")) >= 0)
        return false; /* to some, an escaped quote ends a string */
    rest = text_trim(after(rest, 9));
    while (rest.len > 0) {
        if (!text_starts(rest, TEXT(";")))
            return false;
        rest = text_trim(after(rest, 1));
        if (rest.len == 0)
            return name->ptr != NULL;
        struct text key = text_cut(&rest, '=');
        if (rest.ptr == NULL)
            return false;
        if (text_eq_nocase(key, TEXT("name"))) {
            if (name->ptr != NULL)
                return false;
            *name = take_value(&rest);
            if (name->ptr == NULL || text_find(*name, TEXT("\\")) >= 0)
                return false;
        } else if (!(text_eq_nocase(key, TEXT("filename")) || text_eq_nocase(key, TEXT("filename*"))) ||
                   take_value(&rest).ptr == NULL) {
            return false;
        }
        rest = text_trim(rest);
    }
    return name->ptr != NULL;
}

/* The lines before the value; *rest begins behind them. */
static bool read_head(struct text *rest, struct text *name)
{
    *name = TEXT_NONE;
    for (;;) {
        ptrdiff_t end = text_find(*rest, CRLF);
        if (end < 0 || end > 4096)
            return false;
        struct text line = { rest->ptr, (size_t)end };
        *rest = after(*rest, (size_t)end + 2);
        if (line.len == 0)
            return name->ptr != NULL;
        if (*line.ptr == ' ' || *line.ptr == '\t' || text_find(line, TEXT("\n")) >= 0)
            return false; /* folded, or two lines to some */
        struct text field = text_cut(&line, ':');
        if (text_eq_nocase(field, TEXT("content-disposition")) && (name->ptr != NULL || !read_disposition(line, name)))
            return false;
    }
}

bool form_next(struct form *form, struct text *name, struct text *value)
{
    struct text rest = form->rest;
    if (form->bad)
        return false;
    if (text_starts(rest, TEXT("--"))) { /* the end: nothing may follow */
        form->bad = rest.len != 2 && !text_is(rest, "--\r\n");
        return false;
    }
    form->bad = true;
    if (!text_starts(rest, CRLF))
        return false;
    rest = after(rest, 2);
    if (!read_head(&rest, name))
        return false;
    ptrdiff_t end = text_find(rest, form->mark);
    if (end < 2 || rest.ptr[end - 2] != '\r' || rest.ptr[end - 1] != '\n')
        return false; /* not ended, or a mark where only some see one */
    *value = (struct text){ rest.ptr, (size_t)end - 2 };
    form->rest = after(rest, (size_t)end + form->mark.len);
    form->bad = false;
    return true;
}
