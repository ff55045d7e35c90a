/* test_words.c - the table of words: load takes what it lists, and nothing else; its defaults are the real ones. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "bench.h"
#include "boot/declare.h"
#include "boot/words.h"

/* A value that the row takes. */
static const char *sample(const struct word_row *row)
{
    if (row->setting != NULL && strcmp(row->setting, "policies") == 0)
        return "{}"; /* no file is read */
    static char first[64];
    switch (row->type) {
    case WORD_STRING:
        if (strcmp(row->setting, "address") == 0)
            return "\"127.0.0.1:1\"";
        if (strcmp(row->setting, "base_url") == 0)
            return "\"http://127.0.0.1:1\"";
        if (strcmp(row->setting, "plugin") == 0)
            return strcmp(row->word, "store") == 0                                         ? "\"sqlite\""
                   : strcmp(row->word, "cache") == 0 || strcmp(row->word, "counters") == 0 ? "\"memory\""
                                                                                           : "\"demo\"";
        if (strcmp(row->setting, "sha256") == 0)
            return "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"";
        if (strcmp(row->setting, "zone") == 0)
            return "\"Europe/Berlin\"";
        if (strcmp(row->setting, "route") == 0)
            return "\"m\"";
        if (strcmp(row->setting, "alert") == 0 || strcmp(row->word, "policy.http") == 0)
            return "\"https://a.example/x\"";
        return strcmp(row->setting, "expires") == 0 || strcmp(row->setting, "ends") == 0 ? "\"2030-01-01\""
                                                                                         : "\"default\"";
    case WORD_NUMBER:
    case WORD_COUNT:
    case WORD_WORKERS:
    case WORD_LIMIT:
        return row->least <= 10 && row->most >= 10 ? "10" : "1";
    case WORD_SHARE:
        return "0.5";
    case WORD_BOOL:
        return "true";
    case WORD_CHOICE:
        snprintf(first, sizeof first, "\"%.*s\"", (int)strcspn(row->choices, " "), row->choices);
        return first;
    case WORD_USD:
        return "\"12.5\"";
    case WORD_STRINGS:
        if (strcmp(row->setting, "llm") == 0)
            return "{ \"m\" }";
        if (strcmp(row->word, "capture") == 0)
            return "{ \"default\" }";
        if (strcmp(row->word, "policy") == 0)
            return strcmp(row->setting, "kinds") == 0 ? "{ \"chat\" }" : "{ \"default\" }";
        if (strcmp(row->word, "cors") == 0)
            return "{ \"https://a.example\" }";
        return strcmp(row->word, "listen") == 0 ? "{ \"10.0.0.0/8\" }" : "{ \"demo\" }";
    case WORD_PATHS:
        return "{ \"demo\" }";
    case WORD_SECRET:
        return strncmp(row->word, "listen", 6) == 0 ? "env \"GW_TEST_PEM\"" : "env \"GW_TEST_KEY\"";
    case WORD_SECRETS:
        return "{ env \"GW_TEST_KEY\" }";
    case WORD_HEADERS:
        return "{ [\"X-Y\"] = \"z\" }";
    case WORD_TARGETS:
        return "{ \"demo/x\" }";
    case WORD_PRICE:
        return "{ input_usd_per_mtok = 2.5 }";
    case WORD_SETTINGS:
        return strcmp(row->setting, "tls") == 0      ? "{ cert = env \"GW_TEST_PEM\", key = env \"GW_TEST_PEM\" }"
               : strcmp(row->setting, "shadow") == 0 ? "{ \"demo/y\" }"
               : strcmp(row->setting, "raise") == 0  ? "{ usd = 1, ends = \"2030-01-01\" }"
               : strcmp(row->setting, "previous") == 0
                   ? "{ sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\", ends = \"2030-01-01\" }"
                   : "{}";
    case WORD_PLACES:
        return "{ a = { url = \"https://a.example/x\" } }";
    case WORD_ARGS:
        return "{}";
    case WORD_TAGS:
        return "{ a = \"1\", [\"b.c\"] = \"2 x\" }";
    case WORD_BUDGETS:
        return "{ { usd = 1 }, { usd = 9, per = \"total\" } }";
    default:
        return NULL;
    }
}

/* What a setting needs beside it in its braces. */
static const char *companion(const struct word_row *row, const char *setting)
{
    if (strcmp(row->word, "listen.tls") == 0)
        return strcmp(setting, "key") == 0 ? ", cert = env \"GW_TEST_PEM\"" : ", key = env \"GW_TEST_PEM\"";
    if (strcmp(row->word, "key.previous") == 0)
        return strcmp(setting, "ends") == 0
                   ? ", sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\""
               : strcmp(setting, "sha256") == 0
                   ? ", ends = \"2030-01-01\""
                   : ", ends = \"2030-01-01\", sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"";
    if (strcmp(row->word, "model.shadow") == 0)
        return ", \"demo/y\"";
    if (strcmp(row->word, "policy.http") == 0)
        return strcmp(setting, "url") == 0 ? "" : ", url = \"https://a.example/x\"";
    if (strcmp(row->word, "budget.raise") == 0)
        return strcmp(setting, "usd") == 0 ? ", ends = \"2030-01-01\"" : ", usd = 1";
    if (strcmp(row->word, "store") == 0)
        return strcmp(row->setting, "url") == 0        ? ", plugin = \"postgres\""
               : strcmp(row->setting, "password") == 0 ? ", plugin = \"postgres\", url = \"postgresql://gw@h/d\""
                                                       : "";
    if (strcmp(row->word, "budget") != 0 || strcmp(setting, "usd") == 0)
        return "";
    if (strcmp(setting, "alert") == 0)
        return ", usd = 1, alert_percent = 50";
    return strncmp(setting, "alert_", 6) == 0 ? ", usd = 1, alert = \"https://a.example/x\"" : ", usd = 1";
}

/* A file that has one setting and what it needs around it. */
static void write_source(const struct word_row *row, const char *setting, char *out, size_t room)
{
    char value[300];
    const char *dot = strchr(row->word, '.');
    if (strncmp(row->word, "budget", 6) == 0 || row->type == WORD_BUDGETS || strcmp(row->word, "model.shadow") == 0 ||
        strcmp(row->word, "store") == 0 || strcmp(row->word, "admin") == 0 ||
        strcmp(row->word, "capture") == 0) { /* they need a ledger */
        int len = snprintf(out, room, "ledger { path = \"ledger\" }\n");
        out += len;
        room -= (size_t)len;
    }
    snprintf(value, sizeof value, "%s = %s%s", setting, sample(row), companion(row, setting));
    if (strcmp(row->word, "model.target") == 0) {
        snprintf(out, room, "provider \"demo\" {}\nmodel \"m\" { { \"demo/x\", %s } }", value);
        return;
    }
    if (dot != NULL) {
        char inner[400];
        bool place = strcmp(row->word, "policy.http") == 0; /* under a name */
        snprintf(inner, sizeof inner, "%s = { %s%s%s }%s", dot + 1, place ? "a = { " : "", value, place ? " }" : "",
                 strncmp(row->word, "budget", 6) == 0 ? ", usd = 1" : "");
        memcpy(value, inner, sizeof value - 1);
        value[sizeof value - 1] = '\0';
    }
    char word[64];
    snprintf(word, sizeof word, "%.*s", dot != NULL ? (int)(dot - row->word) : (int)strlen(row->word), row->word);
    if (strcmp(word, "provider") == 0)
        snprintf(out, room, "provider \"demo\" { %s }", value);
    else if (strcmp(word, "model") == 0)
        snprintf(out, room, "provider \"demo\" {}\nmodel \"m\" { \"demo/x\", %s }", value);
    else if (strcmp(word, "project") == 0 || strcmp(word, "tag") == 0)
        snprintf(out, room, "%s \"a%s\" { %s }", word, word[0] == 't' ? "=b" : "", value);
    else if (strcmp(word, "policy") == 0)
        snprintf(out, room, "provider \"demo\" {}\nmodel \"m\" { \"demo/x\" }\npolicy { %s%s%s }", value,
                 strcmp(setting, "when") != 0 ? ", when = 'true'" : "",
                 strcmp(setting, "route") != 0 ? ", route = \"m\"" : "");
    else if (strcmp(word, "team") == 0)
        snprintf(out, room, "team \"t\" { %s }", value);
    else if (strcmp(word, "key") == 0 && (dot != NULL || strcmp(setting, "sha256") != 0))
        snprintf(out, room, "key { sha256 = \"%064d\", %s }", 1, value);
    else if (strcmp(word, "ledger") == 0 && strcmp(setting, "path") != 0)
        snprintf(out, room, "ledger { path = \"ledger\", %s }", value);
    else if (strcmp(word, "capture") == 0 && strcmp(setting, "teams") != 0)
        snprintf(out, room, "capture { teams = { \"default\" }, %s }", value);
    else
        snprintf(out, room, "%s { %s }", word, value);
}

static bool is_named(const struct word_row *row)
{
    return row->setting != NULL && strcmp(row->setting, WORD_LIST) != 0 && strcmp(row->setting, WORD_OTHER) != 0;
}

Test(words, are_what_load_accepts)
{
    char source[1000];
    char pair[4000];
    snprintf(pair, sizeof pair, "%s%s", bench_cert, bench_key);
    setenv("GW_TEST_PEM", pair, 1);
    setenv("GW_TEST_KEY", "sixteen-bytes-or-more", 1);
    for (size_t i = 0; i < word_count; i++) {
        struct bench b;
        if (!is_named(&words[i]))
            continue;
        write_source(&words[i], words[i].setting, source, sizeof source);
        bench_load(&b, source);
        cr_assert_not_null(b.config, "%s\n%s", source, bench_said(&b));
        bench_end(&b);

        write_source(&words[i], "no_such_setting", source, sizeof source);
        bench_load(&b, source);
        cr_assert_null(b.config, "%s", source);
        cr_assert(strstr(bench_said(&b), "unknown setting \"no_such_setting\"") != NULL, "%s\n%s", source,
                  bench_said(&b));
        bench_end(&b);
    }
}

Test(words, begin_a_line_exactly_when_they_are_in_the_table)
{
    for (size_t i = 0; i < word_count; i++) {
        bool first = false;
        if (words[i].setting != NULL)
            continue;
        for (size_t n = 0; words_names()[n] != NULL; n++)
            first = first || strcmp(words_names()[n], words[i].word) == 0;
        cr_assert(first, "%s", words[i].word);
    }
    for (size_t n = 0; words_names()[n] != NULL; n++) {
        bool row = false;
        for (size_t i = 0; i < word_count; i++)
            row = row || (words[i].setting == NULL && strcmp(words[i].word, words_names()[n]) == 0);
        cr_assert(row, "%s", words_names()[n]);
    }
}

/* The number at a row's offset in the struct that holds the defaults. */
static double real_default(const struct word_row *row, const struct config *config)
{
    const char *base = (const char *)&config->limits;
    struct config_timeouts timeouts = config_default_timeouts;
    if (strcmp(row->word, "model.timeout") == 0)
        base = (const char *)&timeouts;
    const void *at = base + row->offset;
    if (row->type == WORD_COUNT)
        return *(const unsigned *)at;
    if (strcmp(row->unit, "s") == 0)
        return (double)*(const int64_t *)at / (double)CLOCK_S;
    return (double)*(const size_t *)at / (strcmp(row->unit, "MB") == 0 ? 0x1p20 : 0x1p10);
}

Test(words, tell_the_defaults_that_are_used)
{
    struct config *config = config_new();
    size_t checked = 0;
    for (size_t i = 0; i < word_count; i++) {
        const struct word_row *row = &words[i];
        if (row->setting == NULL || (strcmp(row->word, "limits") != 0 && strcmp(row->word, "model.timeout") != 0))
            continue;
        cr_assert_not_null(row->otherwise, "%s", row->setting);
        cr_assert(real_default(row, config) == strtod(row->otherwise, NULL), "%s", row->setting);
        checked++;
    }
    cr_assert_eq(checked, 22);
    cr_assert_eq(strtol(words_find("model.retry", "attempts")->otherwise, NULL, 10), CONFIG_DEFAULT_ATTEMPTS);
    config_unref(config);
}

Test(words, have_units_in_their_names)
{
    for (size_t i = 0; i < word_count; i++) {
        const struct word_row *row = &words[i];
        struct text name = text_of(row->setting);
        if (row->type != WORD_NUMBER)
            continue;
        const char *ending = strcmp(row->unit, "s") == 0    ? "_s"
                             : strcmp(row->unit, "ms") == 0 ? "_ms"
                             : strcmp(row->unit, "MB") == 0 ? "_mb"
                                                            : "_kb";
        cr_assert(text_ends(name, text_of(ending)), "%s", row->setting);
    }
}

Test(words, are_printed_as_text_and_as_json)
{
    struct buf out;
    struct arena arena;
    struct fail fail;
    json_start();
    buf_init(&out, 1 << 20);
    arena_init(&arena, NULL, 0, 1 << 20);
    words_write(true, &out);
    const struct json *rows = json_parse(&arena, buf_view(&out), &fail);
    cr_assert_not_null(rows, "%s", fail.text);
    cr_assert_eq(json_count(rows), word_count);
    for (size_t i = 0; i < word_count; i++) {
        const struct json *row = json_at(rows, i);
        cr_assert(json_str(json_member(row, "help")).len > 0);
        cr_assert(json_str(json_member(row, "type")).len > 0);
        if (text_is(json_str(json_member(row, "setting")), "timeout.connect_s")) {
            struct text word = json_str(json_member(row, "word"));
            cr_assert(text_is(word, "model") || text_is(word, "provider"));
            cr_assert(text_is(json_str(json_member(row, "unit")), "s"));
            cr_assert(text_is(json_str(json_member(row, "default")), "5"));
            cr_assert(text_is(json_str(json_member(row, "takes")), "a number of seconds from 0.05 to 300"));
            cr_assert(json_bool(json_member(row, "reload"), false));
        }
        if (text_is(json_str(json_member(row, "setting")), "workers")) {
            cr_assert(!json_bool(json_member(row, "reload"), true));
        }
    }
    buf_truncate(&out, 0);
    words_write(false, &out);
    cr_assert_geq(text_find(buf_view(&out), TEXT("first_token_s")), 0);
    cr_assert_geq(text_find(buf_view(&out), TEXT("What is changed\ncounts from `llm-gateway reload` on")), 0);
    arena_fini(&arena);
    buf_free(&out);
}
