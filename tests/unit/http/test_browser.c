/* test_browser.c - what a web page can make a browser send, and what of it is taken. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "http/browser.h"

static struct door_header headers[16];

/* Reads "Name: value\n" lines. */
static size_t lines_of(const char *lines)
{
    static char copy[600];
    size_t count = 0;
    char *rest = copy, *line;

    snprintf(copy, sizeof copy, "%s", lines);
    while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
        char *value = strstr(line, ": ");

        *value = '\0';
        headers[count++] = (struct door_header){ line, value + 2 };
    }
    return count;
}

static struct browser read_it(const char *lines)
{
    size_t count = lines_of(lines);
    return browser_read(headers, count);
}

static bool is_direct(const char *lines)
{
    size_t count = lines_of(lines);
    return browser_is_direct(headers, count);
}

Test(browser, knows_this_machine)
{
    static const char *const own[] = { "localhost",       "LOCALHOST:80", "a.localhost",
                                       "a.b.LocalHost:1", "127.0.0.1",    "127.9.9.9:8080",
                                       "[::1]",           "[::1]:80",     "[::ffff:127.0.0.1]:1" };
    static const char *const others[] = { "",
                                          ".localhost",
                                          "localhost:80@evil.example",
                                          "[::1].evil.example",
                                          "[::1]x",
                                          "localhost.",
                                          "localhost.evil.example",
                                          "evil.example",
                                          "xlocalhost",
                                          "128.0.0.1",
                                          "127.0.0.1.nip.io",
                                          "127.1",
                                          "10.0.0.1:80",
                                          "0.0.0.0",
                                          "[::]",
                                          "[::2]",
                                          "[::ffff:10.0.0.1]",
                                          "2130706433",
                                          "gateway",
                                          "1270000000000000000000000000000000000000000000000000001" };

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        cr_assert(browser_is_local(text_of(own[i])), "%s", own[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_assert_not(browser_is_local(text_of(others[i])), "%s", others[i]);
}

#define HERE "Host: 127.0.0.1:8080\n"
#define JSON "Content-Type: application/json\n"

Test(browser, refuses_what_a_foreign_page_sends)
{
    static const struct {
        const char *headers;
        const struct face *face; /* NULL: the front's own */
        enum error_case refuse;
    } rows[] = {
        { HERE, &face_chat, E_NONE },
        { "", &face_chat, E_NONE }, /* HTTP/1.0 */
        { HERE "Content-Type: text/plain\n", &face_chat, E_NONE },
        { HERE "Content-Type: application/x-www-form-urlencoded\n", &face_chat, E_NONE },
        { "Host: evil.example:8080\n", &face_chat, E_FORBIDDEN },
        { "Host: evil.example:8080\n", NULL, E_FORBIDDEN },
        { HERE JSON "Origin: https://evil.example\n", &face_chat, E_FORBIDDEN },
        { HERE JSON "Origin: null\n", &face_chat, E_FORBIDDEN },
        { HERE JSON "Origin: \n", &face_chat, E_FORBIDDEN },
        { HERE JSON "Origin: 127.0.0.1\n", &face_chat, E_FORBIDDEN },
        { HERE JSON "Origin: http://\n", &face_chat, E_FORBIDDEN },
        { HERE JSON "Origin: http://127.0.0.1.evil.example\n", &face_chat, E_FORBIDDEN },
        { HERE JSON "Origin: http://localhost:3000\nOrigin: https://evil.example\n", &face_chat, E_FORBIDDEN },
        { HERE JSON "Origin: http://localhost\nOrigin: http://localhost\n", &face_chat, E_FORBIDDEN },
        { HERE JSON "Origin: chrome-extension://abc\n", &face_chat, E_FORBIDDEN },
        { HERE JSON "Origin: http://localhost:3000\nSec-Fetch-Site: same-site\n", &face_chat, E_NONE },
        { HERE JSON "Origin: https://[::1]:3000\n", &face_chat, E_NONE },
        { HERE JSON "Sec-Fetch-Site: cross-site\n", &face_chat, E_FORBIDDEN },
        { HERE "Sec-Fetch-Site: Cross-Site\n", NULL, E_FORBIDDEN },
        { HERE JSON "Sec-Fetch-Site: same-origin\n", &face_chat, E_NONE },
        { HERE "Sec-Fetch-Site: none\n", NULL, E_NONE },
        { HERE "Origin: http://localhost:3000\n", &face_chat, E_MEDIA_TYPE },
        { HERE "Origin: http://localhost:3000\nContent-Type: text/plain\n", &face_chat, E_MEDIA_TYPE },
        { HERE "Sec-Fetch-Mode: cors\nContent-Type: text/plain\n", &face_chat, E_MEDIA_TYPE },
        { HERE "Origin: http://localhost:3000\nContent-Type: application/jsonx\n", &face_chat, E_MEDIA_TYPE },
        { HERE "Origin: http://localhost:3000\nContent-Type: Application/JSON ; charset=utf-8\n", &face_chat, E_NONE },
        { HERE "Origin: http://localhost:3000\nContent-Type: multipart/form-data; boundary=x\n", &face_chat,
          E_MEDIA_TYPE },
        { HERE "Origin: http://localhost:3000\nContent-Type: multipart/form-data; boundary=x\n", &face_audio, E_NONE },
        { HERE "Origin: http://localhost:3000\nContent-Type: multipart/form-data; boundary=x\n", &face_images, E_NONE },
        { HERE "Origin: http://localhost:3000\nAccess-Control-Request-Method: POST\n", &face_chat, E_NONE },
        { HERE "Origin: http://localhost:3000\n", NULL, E_NONE },
    };
    struct config *config = config_new();
    struct route route = { .methods = ROUTE_POST };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct browser b = read_it(rows[i].headers);
        enum error_case which = E_NONE;

        route.face = rows[i].face;
        route.uploads = rows[i].face == &face_audio || rows[i].face == &face_images;
        const char *why = browser_refusal(&b, config, &route, &which);
        cr_assert_eq(why != NULL ? which : E_NONE, rows[i].refuse, "%s", rows[i].headers);
    }
    config->listen.address = TEXT("0.0.0.0"); /* --insecure: its names are not known, its own pages are its own */
    struct browser b = read_it("Host: gw.lan:8080\n" JSON "Origin: http://gw.lan:8080\n");
    enum error_case which;
    cr_assert_null(browser_refusal(&b, config, &route, &which));
    b = read_it("Host: gw.lan:8080\n" JSON "Origin: http://gw.lan\n");
    cr_assert_not_null(browser_refusal(&b, config, NULL, &which));
    config_unref(config);
}

Test(browser, finds_listed_origins)
{
    struct text listed[] = { TEXT("https://a.example"), TEXT("app://x") };
    struct config *config = config_new();
    struct browser b = read_it("Origin: https://A.example\nAccess-Control-Request-Headers: x-a, x-b\n");

    cr_assert_not(browser_is_listed(&b, config));
    config->cors = listed;
    config->cors_count = 2;
    cr_assert(browser_is_listed(&b, config));
    cr_assert(text_is(b.headers, "x-a, x-b"));
    b = read_it("Origin: app://x\n");
    cr_assert(browser_is_listed(&b, config));
    b = read_it("Origin: app://x\nOrigin: app://x\n");
    cr_assert_not(browser_is_listed(&b, config));
    b = read_it("Origin: https://a.example:443\n");
    cr_assert_not(browser_is_listed(&b, config));
    b = read_it("Host: x\n");
    cr_assert_not(browser_is_listed(&b, config));
    listed[1] = TEXT("*");
    cr_assert_not(browser_is_listed(&b, config));
    b = read_it("Origin: https://b.example\n");
    cr_assert(browser_is_listed(&b, config));
    config_unref(config);
}

Test(browser, knows_what_a_proxy_passed_on)
{
    static const char *const names[] = {
        "Forwarded: for=x\n",
        "X-Forwarded-For: x\n",
        "x-forwarded-proto: x\n",
        "X-Forwarded: x\n",
        "Via: 1.1 x\n",
        "X-Real-IP: x\n",
        "CF-Connecting-IP: x\n",
        "CF-Ray: x\n",
        "X-Client-IP: x\n",
        "True-Client-IP: x\n",
        "X-Envoy-External-Address: x\n",
        "Fastly-Client-IP: x\n",
        "X-Cluster-Client-IP: x\n",
        "X-Original-Forwarded-For: x\n",
        "X-Original-Host: x\n",
        "X-Azure-ClientIP: x\n",
        "Fly-Client-IP: x\n",
        "X-Amzn-Trace-Id: x\n",
        "Client-IP: x\n",
        "X-Remote-IP: x\n",
        "X-Remote-Addr: x\n",
        "X-ProxyUser-IP: x\n",
        "WL-Proxy-Client-IP: x\n",
        "Proxy-Client-IP: x\n",
        "X-AppEngine-User-IP: x\n",
        "X-Host: x\n",
        "X-Rewrite-URL: x\n",
        "X-Vercel-Forwarded-For: x\n",
        "X-Cloud-Trace-Context: x\n",
        "DO-Connecting-IP: x\n",
        "X-NF-Client-Connection-IP: x\n",
        "X-Coming-From: x\n",
        "Coming-From: x\n",
        "Host: gw.example\n",
        "Host: 127.0.0.1.nip.io\n",
        HERE "Origin: https://evil.example\n",
        HERE "Origin: null\n",
        HERE "Sec-Fetch-Site: cross-site\n",
    };
    static const char *const own[] = { "", HERE, HERE JSON "User-Agent: x\nX-Forward: a\n",
                                       "Host: localhost\nOrigin: http://localhost:3000\n",
                                       HERE "Sec-Fetch-Site: none\nX-Request-Id: x\n" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_not(is_direct(names[i]), "%s", names[i]);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        cr_assert(is_direct(own[i]), "%s", own[i]);
}
