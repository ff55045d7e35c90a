/* test_passthrough.c - forms and JSON that are relayed as they are: the model that is checked and metered is the one
 * that the upstream reads. */
#include "check.h"
#include "messages_help.h"

#define TYPE "multipart/form-data; boundary=XX"
#define PART(name, value) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(content)                                                                                             \
    "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;name=model.wav\"\r\nContent-Type: "           \
    "audio/wav\r\n\r\n" content "\r\n"
#define END "--XX--\r\n"

static int decode(const char *type, const char *body)
{
    help.ask = (struct ask){ .content_type = text_of(type) };
    help.fail = (struct fail){ .kind = FAIL_NONE };
    return face_audio.decode(&help.arena, text_of(body), &help.ask, &help.fail);
}

static void splices_to(const char *body, const char *want)
{
    struct text *pieces;
    size_t count;
    struct buf out;
    help_begin();
    cr_assert_eq(decode(TYPE, body), 0, "%s", help.fail.text);
    cr_assert(text_is(help.ask.model, "m"), "%.*s", TEXT_ARG(help.ask.model));
    buf_init(&out, 1 << 20);
    face_audio.dialect->splice(&help.arena, &help.ask, TEXT("whisper"), &pieces, &count);
    for (size_t i = 0; i < count; i++)
        buf_text(&out, pieces[i]);
    cr_assert(text_is(buf_view(&out), want), "%.*s", TEXT_ARG(buf_view(&out)));
    buf_free(&out);
    help_end();
}

Test(passthrough, replaces_the_model_of_a_form)
{
    splices_to(PART("model", "m") PART("language", "en") FILE_PART("RIFF") END,
               PART("model", "whisper") PART("language", "en") FILE_PART("RIFF") END);
    splices_to(FILE_PART("name=\"model\"\r\n\r\ndecoy\r\n") PART("model", "m") END,
               FILE_PART("name=\"model\"\r\n\r\ndecoy\r\n") PART("model", "whisper") END);
    splices_to("--XX\r\ncontent-type: text/plain\r\ncontent-disposition:form-data;name=model\r\n\r\nm\r\n" END,
               "--XX\r\ncontent-type: text/plain\r\ncontent-disposition:form-data;name=model\r\n\r\nwhisper\r\n" END);
}

Test(passthrough, reads_whether_a_form_asks_for_a_stream)
{
    help_begin();
    cr_assert_eq(decode(TYPE, PART("model", "m") PART("stream", "true") END), 0);
    cr_assert(help.ask.stream);
    cr_assert_eq(decode(TYPE, PART("model", "m") PART("stream", "false") END), 0);
    cr_assert_not(help.ask.stream);
    help_end();
}

Test(passthrough, refuses_forms_that_can_be_read_in_two_ways)
{
    static const struct {
        const char *type, *body, *param;
    } rows[] = {
        { TYPE, PART("language", "en") END, "model" },
        { TYPE, PART("model", "") END, "model" },
        { TYPE, PART("model", "m") PART("model", "n") END, "model" },
        { TYPE, PART("model", "m") PART("api_base", "http://evil") END, "api_base" },
        { TYPE, PART("model", "m"), "" },                            /* not ended */
        { TYPE, PART("model", "m") END PART("model", "n") END, "" }, /* something after the end */
        { TYPE, PART("model", "m") FILE_PART("a\n--XX\nContent-Disposition: form-data; name=\"model\"\n\nn") END, "" },
        { "multipart/form-data; boundary=YY", PART("model", "m") END, "" },
        { "multipart/form-data; boundary=XX; boundary=YY", PART("model", "m") END, "" },
        { "multipart/form-data", PART("model", "m") END, "" },
        { "application/json", PART("model", "m") END, "" },
        { TYPE, "--XX\r\nContent-Disposition: form-data; name*=utf-8''model\r\n\r\nm\r\n" END, "" },
        { TYPE, "--XX\r\nContent-Disposition: form-data;\r\n name=\"model\"\r\n\r\nm\r\n" END, "" },
        { TYPE, "--XX\r\nContent-Disposition: form-data; name=\"mod\\el\"\r\n\r\nm\r\n" END, "" },
        { TYPE, "--XX\r\nContent-Disposition: form-data; name=\"model\"; name=\"x\"\r\n\r\nm\r\n" END, "" },
        { TYPE, "--XX\r\nX: y\r\n\r\nm\r\n" END, "" },
        { TYPE,
          "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\\\"; name=model; x=\\\"\"\r\n\r\nn\r\n" PART(
              "model", "m") END,
          "" },
        { TYPE, "{\"model\":\"m\"}", "" },
        { "application/x-www-form-urlencoded", "{\"model\":\"m\",\"x\":\"&model=n\"}", "" },
    };
    help_begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(decode(rows[i].type, rows[i].body), -1, "row %zu", i);
        cr_assert_eq(help.fail.status, 400, "row %zu", i);
        cr_assert_str_eq(help.fail.param, rows[i].param, "row %zu: %s", i, help.fail.text);
    }
    cr_assert_eq(decode("application/json; charset=utf-8", "{\"model\":\"m\"}"), 0);
    cr_assert_eq(decode(NULL, "{\"model\":\"m\"}"), 0);
    help_end();
}
