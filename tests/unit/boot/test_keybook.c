/* test_keybook.c - the file of keys that commands make. */
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "boot/keybook.h"

#define DIGEST "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define OTHER "0000000000000000000000000000000000000000000000000000000000000001"

static struct keybook *open_in(const char *folder)
{
    struct fail fail;
    struct keybook *book = keybook_open(folder, &fail);
    cr_assert_not_null(book, "%s", fail.text);
    return book;
}

static void remove_all(const char *folder)
{
    static const char *const names[] = { "keys.lua", "keys.lua.lock" };
    char path[128];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

Test(keybook, changes_one_line_and_keeps_the_others)
{
    char folder[] = "/tmp/keybook-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    struct fail fail;
    struct keybook_key first = { .enabled = true, .sha256 = TEXT(DIGEST), .rest = TEXT("team = \"a\" } -- made") }, got;
    struct keybook *book = open_in(folder);
    keybook_put(book, TEXT("one"), &first);
    keybook_put(book, TEXT("one\", enabled"), &first); /* whose line begins alike */
    keybook_put(book, TEXT("two"), &first);
    cr_assert_eq(keybook_save(book, &fail), 0);
    keybook_close(book);

    book = open_in(folder);
    cr_assert(keybook_find(book, TEXT("one"), &got, &fail));
    got.enabled = false;
    got.sha256 = TEXT(OTHER);
    got.previous = TEXT("{ sha256 = \"" DIGEST "\", ends = \"2030-01-01\" }");
    keybook_put(book, TEXT("one"), &got);
    cr_assert(keybook_find(book, TEXT("one"), &got, &fail));
    cr_assert(!got.enabled && text_is(got.sha256, OTHER) && text_is(got.rest, "team = \"a\" } -- made"));
    cr_assert(text_is(got.previous, "{ sha256 = \"" DIGEST "\", ends = \"2030-01-01\" }"));
    for (size_t i = 0; i < 2; i++) {
        cr_assert(keybook_find(book, i == 0 ? TEXT("two") : TEXT("one\", enabled"), &got, &fail), "%s", fail.text);
        cr_assert(got.enabled && text_is(got.sha256, DIGEST) && got.previous.ptr == NULL);
    }
    cr_assert(!keybook_find(book, TEXT("three"), &got, &fail));
    keybook_undo(book);
    cr_assert(keybook_find(book, TEXT("one"), &got, &fail) && got.enabled);
    keybook_close(book);
    remove_all(folder);
}

Test(keybook, leaves_a_line_alone_that_a_person_wrote)
{
    static const char *const lines[] = {
        "key { name = \"k\", sha256 = \"" DIGEST "\", team = \"a\" }",
        "key { name = \"k\", enabled = true, sha256 = \"12\", team = \"a\" }",
        "key { name = \"k\", enabled = true, sha256 = \"" DIGEST "\" }",
        "key { name = \"k\", enabled = true, sha256 = \"" DIGEST "\", previous = { }",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char folder[] = "/tmp/keybook-XXXXXX", path[64];
        cr_assert_not_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/keys.lua", folder);
        FILE *f = fopen(path, "w");
        cr_assert_not_null(f);
        fprintf(f, "%s\n", lines[i]);
        fclose(f);
        struct fail fail;
        struct keybook_key got;
        struct keybook *book = open_in(folder);
        cr_assert(!keybook_find(book, TEXT("k"), &got, &fail), "%s", lines[i]);
        cr_assert(text_find(text_of(fail.text), TEXT("was written by hand: change it there")) >= 0, "%s", fail.text);
        keybook_close(book);
        remove_all(folder);
    }
}
