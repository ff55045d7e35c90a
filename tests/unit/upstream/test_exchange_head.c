/* test_exchange_head.c - the head of a request, byte by byte: whose headers are sent, when a length is, where the room ends. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/exchange_head.h"

static char out[HEAD_MAX + 1];

/* The head of a request, as a string; NULL when it is refused. */
static const char *head_of(const struct transfer_request *request, const char *url)
{
    struct address address;
    const char *why = NULL;
    ssize_t len;

    cr_assert_eq(address_parse(text_of(url), &address, &why), 0);
    len = exchange_head_write(out, request, &address, &why);
    if (len < 0) {
        cr_assert_not_null(why);
        return NULL;
    }
    cr_assert_leq((size_t)len, HEAD_MAX);
    out[len] = '\0';
    return out;
}

#define TAIL "Accept-Encoding: identity\r\nUser-Agent: llm-gateway/" GW_VERSION "\r\n"

static void check_header(const char *name, bool sent)
{
    const struct transfer_header header = { text_of(name), TEXT("v") };
    const struct transfer_request request = { .method = TEXT("GET"), .headers = &header, .header_count = 1 };
    char expected[512];

    snprintf(expected, sizeof expected, "GET /p HTTP/1.1\r\nHost: h:1\r\n%s%s" TAIL "\r\n", sent ? name : "",
             sent ? ": v\r\n" : "");
    cr_assert_str_eq(head_of(&request, "http://h:1/p"), expected);
}

Test(head, leaves_out_the_headers_of_the_hop_and_of_the_framing)
{
    static const char *const ours[] = {
        "TE",         "Host",       "Expect",         "Trailer",          "Upgrade",
        "Connection", "Keep-Alive", "Content-Length", "Proxy-Connection", "Transfer-Encoding"
    };
    char name[64];

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        check_header(ours[i], false);
        snprintf(name, sizeof name, "%s", ours[i]);
        for (char *p = name; *p != '\0'; p++)
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p >= 'a' && *p <= 'z' ? *p - 32 : *p);
        check_header(name, false);
        snprintf(name, sizeof name, "%sx", ours[i]);
        check_header(name, true);
        snprintf(name, sizeof name, "x%s", ours[i] + 1);
        check_header(name, true);
        snprintf(name, sizeof name, "%s", ours[i] + 1);
        check_header(name, true);
    }
}

Test(head, has_a_length_with_a_body_and_with_methods_that_have_one)
{
    static const struct {
        const char *method;
        size_t parts[3], count;
        const char *length;
    } cases[] = {
        { "GET", { 0, 0, 0 }, 0, NULL },
        { "HEAD", { 0, 0, 0 }, 0, NULL },
        { "DELETE", { 0, 0, 0 }, 0, NULL },
        { "POST", { 0, 0, 0 }, 0, "0" },
        { "PUT", { 0, 0, 0 }, 0, "0" },
        { "PATCH", { 0, 0, 0 }, 0, "0" },
        { "DELETE", { 0, 0, 0 }, 1, "0" },
        { "GET", { 7, 0, 0 }, 1, "7" },
        { "POST", { 9, 1, 0 }, 2, "10" },
        { "POST", { 99, 0, 1 }, 3, "100" },
        { "POST", { 1234567890, 0, 0 }, 1, "1234567890" },
        { "POST", { 9000000000000000, 1, 2 }, 3, "9000000000000003" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text body[3];
        char expected[512];

        for (size_t j = 0; j < 3; j++)
            body[j] = (struct text){ "", cases[i].parts[j] }; /* only its length is looked at */
        const struct transfer_request request = { .method = text_of(cases[i].method),
                                                  .body = body,
                                                  .body_count = cases[i].count };

        snprintf(expected, sizeof expected, "%s / HTTP/1.1\r\nHost: h\r\n" TAIL "%s%s%s\r\n", cases[i].method,
                 cases[i].length != NULL ? "Content-Length: " : "", cases[i].length != NULL ? cases[i].length : "",
                 cases[i].length != NULL ? "\r\n" : "");
        cr_assert_str_eq(head_of(&request, "http://h"), expected);
    }
}

Test(head, puts_the_path_as_it_is_and_a_slash_before_a_bare_query)
{
    const struct transfer_request request = { .method = TEXT("GET") };

    cr_assert(text_starts(text_of(head_of(&request, "http://h")), TEXT("GET / HTTP/1.1\r\n")));
    cr_assert(text_starts(text_of(head_of(&request, "http://h?q")), TEXT("GET /?q HTTP/1.1\r\n")));
    cr_assert(text_starts(text_of(head_of(&request, "http://h/")), TEXT("GET / HTTP/1.1\r\n")));
    cr_assert(text_starts(text_of(head_of(&request, "http://h/a%20b?c=d&e")), TEXT("GET /a%20b?c=d&e HTTP/1.1\r\n")));
}

Test(head, is_at_most_64_kb_long)
{
    char *value = malloc(HEAD_MAX);
    struct transfer_header header = { TEXT("X"), TEXT("") };
    const struct transfer_request request = { .method = TEXT("GET"), .headers = &header, .header_count = 1 };
    size_t room = HEAD_MAX - strlen(head_of(&request, "http://h/"));

    memset(value, 'v', HEAD_MAX);
    header.value = (struct text){ value, room };
    cr_assert_eq(strlen(head_of(&request, "http://h/")), HEAD_MAX);
    for (size_t more = 1; more < 8; more++) {
        header.value.len = room + more;
        cr_assert_null(head_of(&request, "http://h/"));
    }
    for (size_t less = 1; less < 200; less++) { /* wherever the end falls */
        header.value.len = room - less;
        cr_assert_eq(strlen(head_of(&request, "http://h/")), HEAD_MAX - less);
    }
    free(value);
}

/* The URL is a piece of a longer text: what stands behind it is not its path. */
Test(head, asks_for_the_root_where_the_url_has_no_path)
{
    const struct transfer_request request = { .method = TEXT("GET") };
    struct address address;
    const char *why = NULL;

    cr_assert_eq(address_parse((struct text){ "http://h:1/p", 10 }, &address, &why), 0);
    ssize_t len = exchange_head_write(out, &request, &address, &why);
    cr_assert_gt(len, 0);
    out[len] = '\0';
    cr_assert_str_eq(out, "GET / HTTP/1.1\r\nHost: h:1\r\n" TAIL "\r\n");
}
