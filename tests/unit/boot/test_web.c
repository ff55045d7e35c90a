/* test_web.c - which origins and tokens a configuration takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "boot/dump.h"
#include "check.h"

#define KEY "key { sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\" }\n"

static void says(const char *source, const char *complaint)
{
    struct bench b;
    bench_load(&b, source);
    cr_assert_eq(b.config != NULL, complaint == NULL, "%s\n%s", source, bench_said(&b));
    if (complaint != NULL)
        cr_assert(strstr(bench_said(&b), complaint) != NULL, "%s\n%s", source, bench_said(&b));
    bench_end(&b);
}

Test(web, takes_origins_as_browsers_write_them)
{
    static const char *const wrong[] = { "demo",        "https://",    "https://a/", "https://a/b",
                                         "https://u@a", "https://*.a", "://a",       "https://a b" };
    char source[200];

    says(
        "cors { origins = { \"https://a.example\", \"http://localhost:3000\", \"app://obsidian.md\", \"http://[::1]:80\" } }",
        NULL);
    says("cors { origins = { \"*\" } }", "every web page");
    says("cors { origins = { \"*\" } }\n" KEY, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(source, sizeof source, "cors { origins = { \"%s\" } }\n" KEY, wrong[i]);
        says(source, "is no origin");
    }
}

Test(web, takes_a_token_that_can_be_a_header)
{
    struct bench b;
    setenv("GW_TEST_TOKEN", "0123456789abcdef", 1);
    says("metrics { token = env \"GW_TEST_TOKEN\" }", NULL);
    bench_load(&b, "cors { origins = { \"https://a\", \"https://b\" } } metrics { token = env \"GW_TEST_TOKEN\" }");
    struct buf out;
    buf_init(&out, 1 << 20);
    dump_config(b.config, &out);
    buf_append(&out, "", 1);
    cr_assert(
        strstr(out.ptr,
               "cors { origins = { \"https://a\", \"https://b\" } }\nmetrics { token = env \"GW_TEST_TOKEN\" }\n") !=
        NULL);
    cr_assert(strstr(out.ptr, "0123456789abcdef") == NULL);
    buf_free(&out);
    bench_end(&b);
    setenv("GW_TEST_TOKEN", "0123456789abcde", 1);
    says("metrics { token = env \"GW_TEST_TOKEN\" }", "16 bytes");
    setenv("GW_TEST_TOKEN", "0123456789abcde\ff", 1);
    says("metrics { token = env \"GW_TEST_TOKEN\" }", "control");
    unsetenv("GW_TEST_TOKEN");
    says("metrics { token = env \"GW_TEST_TOKEN\" }", NULL); /* a note */
}
