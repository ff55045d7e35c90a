/* test_deployment.c - the model of an Azure path becomes the model of the body. */
#include "base/arena.h"
#include "check.h"
#include "face/deployment.h"

#define FORM "multipart/form-data; boundary=XX"
#define PART(name, value) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static void becomes(const char *type, const char *body, const char *want)
{
    struct arena arena;
    struct buf out;
    arena_init(&arena, NULL, 0, 1 << 20);
    buf_init(&out, 1 << 20);
    bool done = deployment_write(&arena, text_of(type), text_of(body), TEXT("d\"1"), &out);
    cr_assert_eq(done, want != NULL, "%s", body);
    if (want != NULL)
        cr_assert(text_is(buf_view(&out), want), "%.*s", TEXT_ARG(buf_view(&out)));
    buf_free(&out);
    arena_fini(&arena);
}

Test(deployment, replaces_or_adds_the_model_of_an_object)
{
    becomes("application/json", "{}", "{\"model\":\"d\\\"1\"}");
    becomes("", " {\"a\":1}", " {\"model\":\"d\\\"1\",\"a\":1}");
    becomes("", "{\"a\":1,\"model\":\"m\",\"b\":2}", "{\"a\":1,\"model\":\"d\\\"1\",\"b\":2}");
    becomes("", "{\"model\":null}", "{\"model\":\"d\\\"1\"}");
    becomes("", "[]", NULL);
    becomes("", "{\"a\":", NULL);
    becomes("", "", NULL);
}

Test(deployment, replaces_or_adds_the_model_of_a_form)
{
    becomes(FORM, PART("a", "b") "--XX--", PART("model", "d\"1") PART("a", "b") "--XX--");
    becomes(FORM, PART("a", "b") PART("model", "m") PART("c", "model") "--XX--",
            PART("a", "b") PART("model", "d\"1") PART("c", "model") "--XX--");
    becomes(FORM, PART("a", "b"), NULL);
    becomes(FORM, "{}", NULL);
}
