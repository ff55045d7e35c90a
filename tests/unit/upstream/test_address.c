/* test_address.c - URLs taken apart. */
#include "check.h"

#include <stdio.h>

#include "upstream/address.h"

static void check(const char *url, const char *origin, const char *host, const char *path, bool tls)
{
    struct address a;
    const char *why = NULL;

    cr_assert_eq(address_parse(text_of(url), &a, &why), 0, "%s: %s", url, why);
    cr_assert(text_is(a.origin, origin), "%.*s", TEXT_ARG(a.origin));
    cr_assert(text_is(a.host, host), "%.*s", TEXT_ARG(a.host));
    cr_assert(text_is(a.path, path), "%.*s", TEXT_ARG(a.path));
    cr_assert_eq(a.tls, tls);
}

Test(address, takes_urls_apart)
{
    check("https://api.openai.com/v1/chat", "https://api.openai.com", "api.openai.com", "/v1/chat", true);
    check("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080", "", false);
    check("HTTP://h?x=/y", "HTTP://h", "h", "?x=/y", false);
    check("https://[::1]:443/a?b", "https://[::1]:443", "[::1]:443", "/a?b", true);
    check("https://a_b-c.d:1/", "https://a_b-c.d:1", "a_b-c.d:1", "/", true);
}

static bool is_good(const char *format, int byte)
{
    struct address a;
    const char *why;
    char url[64];
    int len = snprintf(url, sizeof url, format, byte);

    return address_parse((struct text){ url, (size_t)len }, &a, &why) == 0;
}

Test(address, knows_each_byte_of_a_host_and_of_a_path)
{
    for (int byte = 1; byte < 256; byte++) {
        bool word = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                    byte == '-' || byte == '.' || byte == '_';

        cr_assert_eq(is_good("http://h%ch/x", byte), word || byte == '/' || byte == '?', "%d", byte);
        cr_assert_eq(is_good("http://[::%c]/x", byte), word || byte == ':', "%d", byte);
        cr_assert_eq(is_good("http://h/x%cx", byte), byte > ' ' && byte < 0x7f && byte != '#', "%d", byte);
        cr_assert_eq(is_good("http://h:8%c/x", byte), (byte >= '0' && byte <= '9') || byte == '/' || byte == '?', "%d",
                     byte);
    }
}

Test(address, takes_every_port_there_is)
{
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        { "http://h:1", true },           { "http://h:9", true },       { "http://h:65535", true },
        { "http://h:00080", true },       { "http://h:65536", false },  { "http://h:0", false },
        { "http://h:00000", false },      { "http://h:000080", false }, { "http://[::1]:65535/", true },
        { "http://[::1]:65536/", false }, { "http://[::1]:0", false },  { "http://[::1]:", false },
        { "http://[::1]", true },         { "http://[a]", true },       { "http://[", false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address a;
        const char *why;

        cr_assert_eq(address_parse(text_of(cases[i].url), &a, &why) == 0, cases[i].good, "%s", cases[i].url);
    }
}

Test(address, refuses_what_two_readers_could_read_differently)
{
    static const char *const refused[] = {
        "",
        "api.openai.com",
        "ftp://h/",
        "http:/h",
        "http://",
        "http:///x",
        "http://?x",
        "https://u@h/",
        "https://u:p@h/",
        "http://h:/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:8x/",
        "http://h:+80/",
        "http://h:123456/",
        "http://h:80:80/",
        "http://[]/",
        "http://[::1",
        "http://[::1]x/",
        "http://[::1]80/",
        "http://h\\x/",
        "http://h x/",
        "http://h%2f/",
        "http://h\xc3\xa9/",
        "http://h/ x",
        "http://h/\tx",
        "http://h/x#y",
        "http://h/\x7f",
        "http://h/\xc3\xa9",
        "http://h/x\r\nA: b",
        "http://h#x",
    };

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct address a;
        const char *why = NULL;

        cr_assert_eq(address_parse(text_of(refused[i]), &a, &why), -1, "%s", refused[i]);
        cr_assert_not_null(why);
    }
}
