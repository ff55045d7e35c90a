/* test_embeddings.c - what the embeddings face reads, and vectors in the form that the client asked for. */
#include "check.h"
#include "messages_help.h"

static int decode(const char *body)
{
    help.ask = (struct ask){ 0 };
    help.fail = (struct fail){ .kind = FAIL_NONE };
    return face_embeddings.decode(&help.arena, text_of(body), &help.ask, &help.fail);
}

/* NULL: the answer stays as it is. */
static void converts(bool base64, const char *body, const char *want)
{
    struct buf out;
    help_begin();
    buf_init(&out, 1 << 16);
    help.ask = (struct ask){ .base64 = base64 };
    bool converted = face_embeddings.fix_encoding(&help.arena, &help.ask, text_of(body), &out);
    cr_assert_eq(converted, want != NULL, "%s", body);
    if (want != NULL)
        cr_assert(help_equal(help_json(buf_view(&out)), help_json(text_of(want))), "%.*s", TEXT_ARG(buf_view(&out)));
    buf_free(&out);
    help_end();
}

#define ROW(vector) "{\"object\":\"embedding\",\"index\":0,\"embedding\":" vector "}"
#define LIST(rows) "{\"object\":\"list\",\"data\":[" rows "],\"model\":\"m\",\"usage\":{\"total_tokens\":3}}"
#define FLOATS "[1,-0.5,0.25]"
#define BASE64 "\"AACAPwAAAL8AAIA+\"" /* the same, little-endian */

Test(embeddings, reads_the_form_that_is_asked_for)
{
    help_begin();
    cr_assert_eq(decode("{\"model\":\"m\",\"input\":\"x\"}"), 0);
    cr_assert_not(help.ask.base64);
    cr_assert_eq(decode("{\"model\":\"m\",\"input\":[\"x\"],\"encoding_format\":\"base64\"}"), 0);
    cr_assert(help.ask.base64);
    cr_assert_eq(decode("{\"model\":\"m\",\"input\":\"x\",\"encoding_format\":\"int8\"}"), -1);
    cr_assert_str_eq(help.fail.param, "encoding_format");
    cr_assert_eq(decode("{\"model\":\"m\"}"), -1);
    cr_assert_str_eq(help.fail.param, "input");
    help_end();
}

Test(embeddings, converts_where_the_upstream_did_not)
{
    converts(true, LIST(ROW(FLOATS) "," ROW("[1]")), LIST(ROW(BASE64) "," ROW("\"AACAPw==\"")));
    converts(false, LIST(ROW(BASE64)), LIST(ROW(FLOATS)));
    converts(true, LIST(ROW(BASE64)), NULL);
    converts(false, LIST(ROW(FLOATS)), NULL);
    converts(true, LIST(""), NULL);
}

/* Half an answer would be worse than one in the other form. */
Test(embeddings, leaves_alone_what_it_cannot_convert)
{
    converts(true, LIST(ROW(FLOATS) "," ROW(BASE64)), NULL);
    converts(true, LIST(ROW("[1,null]")), NULL);
    converts(true, LIST(ROW("[1e300]")), NULL);
    converts(false, LIST(ROW(BASE64) "," ROW("null")), NULL);
    converts(false, LIST(ROW("\"AACA\"")), NULL);     /* three bytes */
    converts(false, LIST(ROW("\"AACA_w==\"")), NULL); /* another alphabet */
    converts(false, LIST(ROW("\"AADAfw==\"")), NULL); /* not a number */
}
