/* test_uuid.c - UUID version 7. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "check.h"

Test(uuid, has_the_form_of_version_7)
{
    char id[UUID_TEXT_LEN + 1];

    for (int i = 0; i < 1000; i++) {
        uuid_new(id);
        cr_assert_eq(strlen(id), UUID_TEXT_LEN);
        for (int at = 0; at < UUID_TEXT_LEN; at++) {
            if (at == 8 || at == 13 || at == 18 || at == 23)
                cr_assert_eq(id[at], '-');
            else
                cr_assert_not_null(strchr("0123456789abcdef", id[at]), "%s", id);
        }
        cr_assert_eq(id[14], '7');
        cr_assert_not_null(strchr("89ab", id[19]), "%s", id);
    }
}

static int64_t ms_of(const char *id)
{
    char digits[13];

    memcpy(digits, id, 8);
    memcpy(digits + 8, id + 9, 4);
    digits[12] = '\0';
    return (int64_t)strtoull(digits, NULL, 16);
}

Test(uuid, carries_the_time)
{
    char id[UUID_TEXT_LEN + 1];
    int64_t before = clock_unix_ms();

    uuid_new(id);
    cr_assert_geq(ms_of(id), before);
    cr_assert_leq(ms_of(id), clock_unix_ms() + 1000);
}

Test(uuid, grows_within_a_thread)
{
    char last[UUID_TEXT_LEN + 1], id[UUID_TEXT_LEN + 1];

    uuid_new(last);
    for (int i = 0; i < 100000; i++) {
        uuid_new(id);
        cr_assert_gt(strcmp(id, last), 0, "%s after %s", id, last);
        memcpy(last, id, sizeof id);
    }
}

enum { THREADS = 4, EACH = 5000 };

static char ids[THREADS * EACH][UUID_TEXT_LEN + 1];

static void *make_ids(void *first)
{
    for (int i = 0; i < EACH; i++)
        uuid_new(((char(*)[UUID_TEXT_LEN + 1]) first)[i]);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

Test(uuid, differs_between_threads)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, make_ids, ids[(size_t)i * EACH]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, THREADS * EACH, sizeof ids[0], compare);
    for (int i = 1; i < THREADS * EACH; i++)
        cr_assert_neq(strcmp(ids[i - 1], ids[i]), 0, "%s twice", ids[i]);
}
