/* test_small.c - the small modules of boot: addresses, dates, folders, CPUs. */
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/cpus.h"
#include "boot/date.h"
#include "boot/endpoint.h"
#include "boot/folders.h"

Test(endpoint, knows_a_url_that_leads_back)
{
    static const struct {
        const char *url, *address;
        uint16_t port;
        bool here;
    } cases[] = {
        { "http://127.0.0.1:8080/v1", "127.0.0.1", 8080, true },
        { "http://localhost:8080", "127.0.0.1", 8080, true },
        { "HTTP://LOCALHOST:8080/", "127.0.0.1", 8080, true },
        { "https://127.0.0.1:8080/v1", "127.0.0.1", 8080, true },
        { "http://0.0.0.0:8080/v1", "127.0.0.1", 8080, true },
        { "http://127.0.0.1/v1", "127.0.0.1", 80, true },
        { "https://127.0.0.1", "127.0.0.1", 443, true },
        { "http://127.0.0.1:8080", "0.0.0.0", 8080, true },
        { "http://127.0.0.9:8080", "0.0.0.0", 8080, true },
        { "http://[::1]:8080/v1", "::1", 8080, true },
        { "http://[::]:8080/v1", "::1", 8080, true },
        { "http://[::1]:8080/v1", "::", 8080, true },
        { "http://[::1]", "::1", 80, true },
        { "http://127.0.0.1:8081/v1", "127.0.0.1", 8080, false },
        { "http://127.0.0.1/v1", "127.0.0.1", 8080, false },
        { "https://127.0.0.1", "127.0.0.1", 80, false },
        { "http://127.0.0.2:8080", "127.0.0.1", 8080, false },
        { "http://0.0.0.0:8080", "192.0.2.7", 8080, false },
        { "http://192.0.2.7:8080", "0.0.0.0", 8080, false }, /* nobody has that address */
        { "http://[2001:db8::7]:8080", "::", 8080, false },
        { "http://[::1]:8080/v1", "127.0.0.1", 8080, false },
        { "https://api.openai.com/v1", "0.0.0.0", 443, false },
        { "http://127.0.0.1:0/v1", "127.0.0.1", 0, false },
        { "", "127.0.0.1", 80, false },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(endpoint_leads_here(text_of(cases[i].url), text_of(cases[i].address), cases[i].port),
                     cases[i].here, "%s %s", cases[i].url, cases[i].address);
}

Test(endpoint, reads_and_writes_addresses)
{
    static const struct {
        const char *said, *written, *reachable;
        bool loopback;
    } cases[] = {
        { "127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1:8080", true },
        { "localhost:1", "127.0.0.1:1", "127.0.0.1:1", true },
        { ":0", "0.0.0.0:0", "127.0.0.1:0", false },
        { "0.0.0.0:65535", "0.0.0.0:65535", "127.0.0.1:65535", false },
        { "[::1]:8080", "[::1]:8080", "[::1]:8080", true },
        { "[::]:8080", "[::]:8080", "[::1]:8080", false },
        { "[2001:db8::1]:443", "[2001:db8::1]:443", "[2001:db8::1]:443", false },
        { "192.168.1.1:80", "192.168.1.1:80", "192.168.1.1:80", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct buf out;
        struct fail fail;
        struct text address;
        uint16_t port;
        arena_init(&arena, NULL, 0, 4096);
        buf_init(&out, 200);
        cr_assert_eq(endpoint_parse(text_of(cases[i].said), &arena, &address, &port, &fail), 0, "%s", cases[i].said);
        cr_assert_eq(endpoint_is_loopback(address), cases[i].loopback, "%s", cases[i].said);
        endpoint_write(address, port, false, &out);
        cr_assert(text_is(buf_view(&out), cases[i].written), "%s", cases[i].said);
        buf_truncate(&out, 0);
        endpoint_write(address, port, true, &out);
        cr_assert(text_is(buf_view(&out), cases[i].reachable), "%s", cases[i].said);
        buf_free(&out);
        arena_fini(&arena);
    }
}

Test(date, reads_days_and_moments)
{
    static const struct {
        const char *said;
        int64_t ms;
    } good[] = {
        { "1970-01-01", INT64_C(86400000) },
        { "1970-01-01T00:00:00Z", 1 },
        { "2000-02-29", INT64_C(951868800000) },
        { "2026-12-31", INT64_C(1798761600000) },
        { "2026-12-31T18:00:00Z", INT64_C(1798740000000) },
        { "2026-12-31t18:00:00z", INT64_C(1798740000000) },
        { "2026-12-31 18:00:00+02:00", INT64_C(1798732800000) },
        { "2026-12-31T18:00:00-02:30", INT64_C(1798749000000) },
        { "2026-12-31T18:00:00.5Z", INT64_C(1798740000500) },
        { "2026-12-31T18:00:00.123456Z", INT64_C(1798740000123) },
        { "2016-12-31T23:59:60Z", INT64_C(1483228800000) },
        { "9999-12-31", INT64_C(253402300800000) },
    };
    static const char *const bad[] = { "",
                                       "2026",
                                       "2026-13-01",
                                       "2026-00-01",
                                       "2026-02-29",
                                       "1900-02-29",
                                       "2026-04-31",
                                       "2026-12-31T",
                                       "2026-12-31T18:00Z",
                                       "2026-12-31T24:00:00Z",
                                       "2026-12-31T18:60:00Z",
                                       "2026-12-31T18:00:00",
                                       "2026-12-31T18:00:00.Z",
                                       "2026-12-31T18:00:00+0200",
                                       "2026-12-31T18:00:00+24:00",
                                       "2026-12-31T18:00:00Zx",
                                       "26-12-31",
                                       "2026-1-1",
                                       "+2026-12-31",
                                       " 2026-12-31",
                                       "2026-12-31 ",
                                       "1969-12-31",
                                       "1970-01-01T00:00:00+01:00",
                                       "never" };
    int64_t ms;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert_eq(date_parse(text_of(good[i].said), &ms), 0, "%s", good[i].said);
        cr_assert_eq(ms, good[i].ms, "%s: %lld", good[i].said, (long long)ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(date_parse(text_of(bad[i]), &ms), -1, "%s", bad[i]);
}

Test(cpus, are_at_least_one)
{
    cr_assert_geq(cpus_usable(), 1);
    cr_assert_leq(cpus_usable(), 256);
}

static void touch(const char *folder, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void remove_file(const char *folder, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

Test(folders, list_plugins_by_name_and_the_first_wins)
{
    static const char *const files[] = { "b.so", "a.so", ".so", "c.txt" };
    char one[] = "/tmp/gw-one-XXXXXX", two[] = "/tmp/gw-two-XXXXXX";
    struct arena arena;
    size_t count;
    cr_assert_not_null(mkdtemp(one));
    cr_assert_not_null(mkdtemp(two));
    for (size_t i = 0; i < 4; i++)
        touch(one, files[i]);
    touch(two, "a.so");
    touch(two, "z.so");

    arena_init(&arena, NULL, 0, 1 << 20);
    const char *const search[] = { one, "/no/such/folder", two, NULL };
    struct folders_plugin *list = folders_list(search, &arena, &count);
    cr_assert_eq(count, 3);
    cr_assert_str_eq(list[0].name, "a");
    cr_assert(strncmp(list[0].path, one, strlen(one)) == 0, "%s", list[0].path);
    cr_assert_str_eq(list[1].name, "b");
    cr_assert_str_eq(list[2].name, "z");
    cr_assert(folders_is_folder(one));
    cr_assert_not(folders_is_folder("/no/such/folder"));
    arena_fini(&arena);

    for (size_t i = 0; i < 4; i++)
        remove_file(one, files[i]);
    remove_file(two, "a.so");
    remove_file(two, "z.so");
    rmdir(one);
    rmdir(two);
}

Test(folders, that_are_configured_go_first_and_none_is_there_twice)
{
    struct text more[] = { TEXT("mine"), TEXT("/abs"), TEXT("mine") };
    struct declare_texts texts = { .items = more, .count = 3, .given = true };
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    const char *const *folders = folders_make(&arena, &texts, "/etc/gw");
    cr_assert_str_eq(folders[0], "/etc/gw/mine");
    cr_assert_str_eq(folders[1], "/abs");
    cr_assert(text_ends(text_of(folders[2]), TEXT("/plugins")));
    cr_assert(text_ends(text_of(folders[3]), TEXT("/../lib/llm-gateway/plugins")));
    cr_assert_null(folders[4]);
    cr_assert_not(folders_is_ours(&arena, folders[1]));
    cr_assert(folders_is_ours(&arena, folders[2]));
    /* What `check -T` prints names them all, and gives the same again. */
    struct text all[] = { text_of(folders[0]), text_of(folders[1]), text_of(folders[2]), text_of(folders[3]) };
    struct declare_texts again = { .items = all, .count = 4, .given = true };
    const char *const *second = folders_make(&arena, &again, "/elsewhere");
    for (size_t i = 0; i < 4; i++)
        cr_assert_str_eq(second[i], folders[i]);
    cr_assert_null(second[4]);
    arena_fini(&arena);
}
