/* lua_text.c - writes values as Lua source. */
#include "boot/lua_text.h"

#include "base/clock.h"

void lua_text_string(struct buf *out, struct text value)
{
    buf_str(out, "\"");
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < ' ' || c == 127)
            buf_printf(out, "\\%03u", c);
        else
            buf_append(out, &value.ptr[i], 1);
    }
    buf_str(out, "\"");
}

void lua_text_seconds(struct buf *out, int64_t ns)
{
    buf_printf(out, "%.12g", (double)ns / (double)CLOCK_S);
}

void lua_text_json(struct buf *out, const struct json *value)
{
    size_t count = json_count(value);
    switch (json_type(value)) {
    case JSON_T_STR:
        lua_text_string(out, json_str(value));
        break;
    case JSON_T_ARRAY:
    case JSON_T_OBJECT:
        buf_str(out, count == 0 ? "{" : "{ ");
        for (size_t i = 0; i < count; i++) {
            if (json_type(value) == JSON_T_OBJECT) {
                buf_str(out, "[");
                lua_text_string(out, json_key_at(value, i));
                buf_str(out, "] = ");
            }
            lua_text_json(out, json_at(value, i));
            buf_str(out, i + 1 < count ? ", " : " ");
        }
        buf_str(out, "}");
        break;
    case JSON_T_NULL:
    case JSON_T_ABSENT:
        buf_str(out, "nil");
        break;
    default: /* numbers, true and false are written alike in both */
        buf_text(out, json_text(value));
    }
}
