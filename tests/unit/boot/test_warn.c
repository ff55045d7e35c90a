/* test_warn.c - what is allowed and most likely a slip, and what serve would refuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"

#define W "gateway.lua:1: warning: "

/* Loads `source`, which is right but for its warnings. */
static void check_warns(const char *source, const char *wanted)
{
    struct bench b;
    bench_load(&b, source);
    cr_assert_not_null(b.config, "%s\n%s", source, bench_said(&b));
    cr_assert_str_eq(bench_said(&b), wanted, "%s\nsaid: %swanted: %s", source, bench_said(&b), wanted);
    bench_end(&b);
}

Test(warn, of_a_base_url_that_ends_in_an_operation_or_lacks_its_version)
{
    static const struct {
        const char *url, *wanted;
    } cases[] = {
        { "http://x:1/v1", "" },
        { "http://x:1/v1/", "" },
        { "http://x:1/openai/v1", "" },
        { "http://x:1/api", "" },
        { "http://x:1",
          W "provider \"p\": base_url has no path, and services of this kind have /v1: write \"http://x:1/v1\"\n" },
        { "http://x:1/",
          W "provider \"p\": base_url has no path, and services of this kind have /v1: write \"http://x:1/v1\"\n" },
        { "http://x:1/v1/chat/completions",
          W "provider \"p\": base_url ends in /chat/completions, which the gateway adds itself: write "
            "\"http://x:1/v1\"\n" },
        { "http://x:1/v1/embeddings/",
          W "provider \"p\": base_url ends in /embeddings, which the gateway adds itself: write \"http://x:1/v1\"\n" },
        { "http://x:1/v1/responses",
          W "provider \"p\": base_url ends in /responses, which the gateway adds itself: write \"http://x:1/v1\"\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char source[300];
        snprintf(source, sizeof source, "provider \"p\" { plugin = \"openai\", base_url = \"%s\" }", cases[i].url);
        check_warns(source, cases[i].wanted);
    }
}

Test(warn, of_a_version_where_the_usual_address_has_none)
{
    check_warns("provider \"p\" { plugin = \"rooted\", base_url = \"http://x:1\" }", "");
    check_warns("provider \"p\" { plugin = \"rooted\", base_url = \"http://x:1/v1\" }",
                W "provider \"p\": base_url ends in /v1, which the gateway adds itself: write \"http://x:1\"\n");
    check_warns("provider \"p\" { plugin = \"rooted\", base_url = \"http://x:1/v1/messages\" }",
                W "provider \"p\": base_url ends in /messages, which the gateway adds itself: write \"http://x:1\"\n");
}

Test(warn, of_a_secret_that_was_copied_with_what_is_around_it)
{
    static const struct {
        const char *value, *wanted;
    } cases[] = {
        { "sk-1", "" },
        { "\"sk-1\"", W "provider \"openai\": env \"GW_K\" holds quotes around the key: write it without them\n" },
        { "'sk-1'", W "provider \"openai\": env \"GW_K\" holds quotes around the key: write it without them\n" },
        { "sk-1 ", W "provider \"openai\": env \"GW_K\" has a blank before or after the key: remove it\n" },
        { " sk-1", W "provider \"openai\": env \"GW_K\" has a blank before or after the key: remove it\n" },
        { "Bearer sk-1", W "provider \"openai\": env \"GW_K\" begins with \"Bearer\": write the key alone\n" },
        { "sk-1\n", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("GW_K", cases[i].value, 1);
        check_warns("provider \"openai\" { secret = env \"GW_K\" }", cases[i].wanted);
    }
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    cr_assert_eq(chmod(path, mode), 0);
}

Test(warn, of_files_that_every_user_of_the_machine_may_read_or_write)
{
    static const struct {
        mode_t mode;
        const char *can; /* NULL: nothing is wrong */
    } cases[] = { { 0600, NULL },   { 0640, NULL },      { 0660, NULL },
                  { 0644, "read" }, { 0602, "written" }, { 0666, "written" } };
    char folder[] = "/tmp/gw-warn-XXXXXX", key[64], file[64], wanted[300];

    cr_assert_not_null(mkdtemp(folder));
    snprintf(key, sizeof key, "%s/key", folder);
    snprintf(file, sizeof file, "%s/gateway.lua", folder);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench b = { .options = { .file = file } };
        write_file(key, "sk-1\n", cases[i].mode);
        write_file(file, "", cases[i].mode);
        bench_load_with(&b, "provider \"openai\" { secret = file \"key\" }");
        cr_assert_not_null(b.config, "%s", bench_said(&b));
        snprintf(wanted, sizeof wanted,
                 "provider \"openai\": file \"key\" can be %s by every user of this machine: chmod o-rwx it\n",
                 cases[i].can != NULL ? cases[i].can : "");
        cr_assert_eq(strstr(bench_said(&b), wanted) != NULL, cases[i].can != NULL, "%o: %s", cases[i].mode,
                     bench_said(&b));
        cr_assert_eq(strstr(bench_said(&b), "gateway.lua: warning: every user of this machine can write it") != NULL,
                     (cases[i].mode & S_IWOTH) != 0, "%o: %s", cases[i].mode, bench_said(&b));
        bench_end(&b);
    }
    unlink(key);
    unlink(file);
    rmdir(folder);
}

Test(warn, of_a_file_that_declares_nothing_that_could_answer)
{
    const char *wanted =
        "gateway.lua: warning: it declares no provider, so nothing can be asked for: write provider \"demo\" {}\n";
    check_warns("", wanted);
    check_warns("listen { workers = 1 }", wanted);
}

Test(warn, of_a_key_that_has_expired)
{
    char source[300];
    const char *format = "provider \"demo\" {} key { sha256 = \"%064d\", name = \"bot\", expires = \"%s\" }";
    snprintf(source, sizeof source, format, 1, "2999-01-01");
    check_warns(source, "");
    snprintf(source, sizeof source, format, 1, "2020-01-01");
    check_warns(source, W "key \"bot\": it expired (2020-01-01) and is refused: give it a later date or remove it\n");
}

static void check_refused(const char *source, const char *wanted)
{
    struct bench b;
    bench_load(&b, source);
    cr_assert_null(b.config, "%s", source);
    cr_assert_str_eq(bench_said(&b), wanted);
    bench_end(&b);
}

Test(warn, not_but_refuse_two_keys_of_one_name)
{
    char source[400];
    snprintf(source, sizeof source,
             "key { sha256 = \"%064d\", name = \"bot\" }\nkey { sha256 = \"%064d\" }\n"
             "key { sha256 = \"%064d\", name = \"bot\" }",
             1, 2, 3);
    check_refused(source,
                  "gateway.lua:3: key: the name \"bot\" was already given in line 1: the log could not tell the "
                  "two apart\n");
}

Test(warn, not_but_refuse_a_certificate_that_serve_could_not_use)
{
    const char *source = "provider \"demo\" {} listen { tls = { cert = env \"GW_C\", key = env \"GW_K\" } }";

    setenv("GW_C", bench_cert, 1);
    setenv("GW_K", bench_key, 1);
    check_warns(source, "");
    setenv("GW_C", bench_old_cert, 1);
    check_warns(source,
                W "listen: tls: the certificate of env \"GW_C\" has expired, and clients refuse it: renew it\n");
    setenv("GW_C", bench_cert, 1);
    setenv("GW_K", bench_other_key, 1);
    check_refused(source, "gateway.lua:1: listen: tls: the private key is not the one of the certificate\n");
    setenv("GW_K", bench_cert, 1);
    check_refused(source,
                  "gateway.lua:1: listen: tls: key holds no private key that can be read: it must be PEM, without "
                  "a password\n");
    setenv("GW_C", "-----BEGIN NOTHING-----", 1);
    check_refused(source, "gateway.lua:1: listen: tls: cert holds no certificate that can be read\n");
}
