/* test_kill.c - keys and sessions that are switched off: the list, and the file that it is kept in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "flow/kill.h"
#include "flow/way.h"

static char folder[64], path[128];
static struct fail fail;

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/gw-test-kill-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/switched-off", folder);
    memset(&fail, 0, sizeof fail);
}

static void end(void)
{
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "nothing else is left there");
}

static const char *file(void)
{
    static char text[4096];
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return "none";
    size_t len = fread(text, 1, sizeof text - 1, f);
    text[len] = '\0';
    fclose(f);
    return text;
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    fputs(text, f);
    cr_assert_eq(fclose(f), 0);
}

static void set(struct kill *k, enum kill_kind kind, const char *name, bool off, bool changes)
{
    bool changed = !changes;
    cr_assert_eq(kill_set(k, kind, text_of(name), off, &changed, &fail), 0, "%s", fail.text);
    cr_assert_eq(changed, changes, "%s", name);
}

/* What is on cannot be switched on: most likely its name is misspelled. */
static void is_not_off(struct kill *k, enum kill_kind kind, const char *name)
{
    bool changed = true;
    char text[100];
    snprintf(text, sizeof text, "the %s \"%s\" is not switched off: llm-gateway kill --list shows what is",
             kill_kind_name(kind), name);
    cr_assert_eq(kill_set(k, kind, text_of(name), false, &changed, &fail), -1);
    cr_assert_not(changed);
    cr_assert_str_eq(fail.text, text);
}

/* "key", "session" or "on". */
static const char *state(struct kill *k, const char *key, const char *session)
{
    enum kill_kind kind;
    bool off = kill_is_off(k, text_of(key), text_of(session), &kind);
    return off ? kill_kind_name(kind) : "on";
}

static char seen[200];
static void visit(void *owner, enum kill_kind kind, struct text name)
{
    cr_assert_eq(owner, folder);
    size_t len = strlen(seen);
    snprintf(seen + len, sizeof seen - len, "%s %.*s;", kill_kind_name(kind), TEXT_ARG(name));
}

Test(kill, keeps_its_list_in_a_file)
{
    begin();
    struct kill *k = kill_open(folder, &fail);
    cr_assert_not_null(k);
    cr_assert_eq(kill_generation(k), 0u);
    cr_assert_str_eq(state(k, "a", "s"), "on");
    is_not_off(k, KILL_KEY, "a");
    cr_assert_str_eq(file(), "none", "nothing has changed");
    set(k, KILL_KEY, "a b", true, true);
    set(k, KILL_SESSION, "s", true, true);
    set(k, KILL_KEY, "c", true, true);
    set(k, KILL_KEY, "c", true, false);
    cr_assert_eq(kill_generation(k), 3u);
    cr_assert_str_eq(file(), "key a b\nsession s\nkey c\n");
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600u);
    cr_assert_str_eq(state(k, "a b", ""), "key");
    cr_assert_str_eq(state(k, "a b", "s"), "key");
    cr_assert_str_eq(state(k, "x", "s"), "session");
    cr_assert_str_eq(state(k, "s", "c"), "on", "each kind has names of its own");
    cr_assert_str_eq(state(k, "", ""), "on");
    cr_assert_str_eq(state(k, "a", "a b"), "on");
    set(k, KILL_SESSION, "s", false, true);
    is_not_off(k, KILL_SESSION, "s");
    cr_assert_eq(kill_generation(k), 4u);
    cr_assert_str_eq(file(), "key a b\nkey c\n");
    cr_assert_str_eq(state(k, "", "s"), "on");
    cr_assert_str_eq(state(k, "c", ""), "key");
    seen[0] = '\0';
    kill_each(k, visit, folder);
    cr_assert_str_eq(seen, "key a b;key c;");
    kill_close(k);

    k = kill_open(folder, &fail);
    cr_assert_not_null(k, "%s", fail.text);
    cr_assert_eq(kill_generation(k), 1u);
    cr_assert_str_eq(state(k, "a b", ""), "key");
    set(k, KILL_KEY, "a b", false, true);
    set(k, KILL_KEY, "c", false, true);
    cr_assert_str_eq(file(), "");
    kill_close(k);
    k = kill_open(folder, &fail);
    cr_assert_eq(kill_generation(k), 0u, "an empty list");
    kill_close(k);
    end();
}

Test(kill, takes_names_that_are_one_line)
{
    static char most[513], over[514];
    static const struct {
        const char *name;
        bool good;
    } rows[] = { { "a", true }, { "\xc3\xa9 x", true }, { most, true },     { over, false },
                 { "", false }, { "a\nb", false },      { "a\x1f", false }, { "a\x7f", false } };
    bool changed;
    begin();
    memset(most, 'm', sizeof most - 1);
    memset(over, 'o', sizeof over - 1);
    struct kill *k = kill_open(folder, &fail);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int result = kill_set(k, KILL_SESSION, text_of(rows[i].name), true, &changed, &fail);
        cr_assert_eq(result, rows[i].good ? 0 : -1, "%zu", i);
        if (!rows[i].good) {
            cr_assert_eq(fail.kind, FAIL_CLIENT);
            cr_assert_str_eq(fail.text, "that is no name of a session");
        }
    }
    kill_close(k);
    k = kill_open(folder, &fail);
    cr_assert_not_null(k, "what it wrote it reads: %s", fail.text);
    cr_assert_str_eq(state(k, "", most), "session");
    kill_close(k);
    end();
}

Test(kill, reads_only_what_it_understands)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        { "", true },           { "key a", true },        { "key a\n", true },    { "session a b\nkey c\n", true },
        { "keys a\n", false },  { "a\n", false },         { "key \n", false },    { "key\n", false },
        { "\nkey a\n", false }, { "key a\x01\n", false }, { "key a\n\n", false },
    };
    char text[300];
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file(rows[i].text);
        memset(&fail, 0, sizeof fail);
        struct kill *k = kill_open(folder, &fail);
        cr_assert_eq(k != NULL, rows[i].good, "%zu: %s", i, fail.text);
        if (k != NULL) {
            kill_close(k);
            continue;
        }
        cr_assert_eq(fail.kind, FAIL_OPERATOR);
        snprintf(text, sizeof text,
                 "%s is not understood: it has a line \"key NAME\" or \"session ID\" for each, at most 1000", path);
        cr_assert_str_eq(fail.text, text);
    }
    unlink(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_null(kill_open(folder, &fail));
    snprintf(text, sizeof text, "%s cannot be read: Is a directory", path);
    cr_assert_str_eq(fail.text, text);
    cr_assert_eq(rmdir(path), 0);
    end();
}

Test(kill, keeps_a_thousand_names)
{
    bool changed;
    char name[20];
    begin();
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 999; i++)
        fprintf(f, "session number-%d\n", i);
    fclose(f);
    struct kill *k = kill_open(folder, &fail);
    cr_assert_not_null(k, "%s", fail.text);
    set(k, KILL_KEY, "last", true, true);
    cr_assert_eq(kill_set(k, KILL_KEY, TEXT("more"), true, &changed, &fail), -1);
    cr_assert_eq(fail.kind, FAIL_CLIENT);
    cr_assert_str_eq(fail.text,
                     "1000 keys and sessions are switched off, and more are not kept: switch some on again, or "
                     "remove keys from gateway.lua");
    cr_assert_str_eq(state(k, "more", ""), "on");
    cr_assert_eq(kill_generation(k), 2u);
    for (int i = 0; i < 999; i += 333) {
        snprintf(name, sizeof name, "number-%d", i);
        cr_assert_str_eq(state(k, "", name), "session");
    }
    kill_close(k);
    k = kill_open(folder, &fail);
    cr_assert_not_null(k, "%s", fail.text);
    cr_assert_str_eq(state(k, "last", ""), "key");
    kill_close(k);
    f = fopen(path, "a");
    fprintf(f, "key one-more\n");
    fclose(f);
    cr_assert_null(kill_open(folder, &fail));
    end();
}

Test(kill, changes_nothing_where_it_cannot_write)
{
    bool changed;
    char new_path[140], text[300];
    begin();
    snprintf(new_path, sizeof new_path, "%s.new", path);
    struct kill *k = kill_open(folder, &fail);
    set(k, KILL_KEY, "a", true, true);
    set(k, KILL_KEY, "b", true, true);
    cr_assert_eq(mkdir(new_path, 0700), 0);
    cr_assert_eq(kill_set(k, KILL_SESSION, TEXT("s"), true, &changed, &fail), -1);
    cr_assert_eq(fail.kind, FAIL_OPERATOR);
    snprintf(text, sizeof text, "%s cannot be written: Is a directory", path);
    cr_assert_str_eq(fail.text, text);
    cr_assert_str_eq(state(k, "", "s"), "on");
    cr_assert_eq(kill_set(k, KILL_KEY, TEXT("a"), false, &changed, &fail), -1);
    cr_assert_str_eq(state(k, "a", ""), "key");
    cr_assert_str_eq(state(k, "b", ""), "key");
    cr_assert_eq(kill_generation(k), 2u);
    cr_assert_str_eq(file(), "key a\nkey b\n");
    cr_assert_eq(rmdir(new_path), 0);
    set(k, KILL_KEY, "a", false, true);
    cr_assert_str_eq(file(), "key b\n");
    kill_close(k);
    end();
}

/* A snapshot of the configuration lives for as long as its keys are asked for. */
Test(kill, keeps_the_configuration_whose_keys_it_knows)
{
    begin();
    struct kill *k = kill_open(folder, &fail);
    struct config *first = config_new(), *second = config_new();
    kill_know_keys(k, first);
    cr_assert_eq(first->refs, 2);
    kill_know_keys(k, second);
    cr_assert_eq(first->refs, 1, "no longer");
    cr_assert_eq(second->refs, 2);
    kill_close(k);
    cr_assert_eq(second->refs, 1);
    config_unref(first);
    config_unref(second);
    end();
}

/* What a policy asks for a request is asked in the name of that request. */
Test(kill, reaches_what_policies_ask)
{
    static struct request parent, child;
    static struct gateway gateway;
    static struct worker worker;
    begin();
    memset(&parent, 0, sizeof parent);
    struct kill *k = kill_open(folder, &fail);
    worker.gateway = &gateway;
    gateway.kill = k;
    for (int off = 0; off < 2; off++) {
        memset(&child, 0, sizeof child);
        child.worker = &worker;
        child.parent = &parent;
        child.whose.session = TEXT("s");
        if (off)
            set(k, KILL_SESSION, "s", true, true);
        cr_assert_eq(auth_run(&child), off ? FAIL : NEXT);
    }
    gateway.kill = NULL;
    kill_close(k);
    end();
}
