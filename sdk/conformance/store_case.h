/* store_case.h - what the checks of a store use: a session, rows that are made by their number, sums. One thread. */
#ifndef CONFORMANCE_STORE_CASE_H
#define CONFORMANCE_STORE_CASE_H

#include <gateway/store.h>
#include <stdbool.h>

#include "plugin/store.h"

#define STORE_DAY_MS INT64_C(86400000)
#define STORE_BEGIN_MS                                                                                                 \
    (INT64_C(20000) * STORE_DAY_MS) /* a midnight; row N is admitted N times 7 minutes and 7 seconds later */

struct store_case {
    const struct plugin *plugin;
    void *instance;
    struct store_session *writer;
    uint64_t next; /* the record that is put next */
    char problem[512];
};

/* Notes what is wrong, once. Always false. */
bool store_fail(struct store_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts the rows `first` to `last`, the cursor moving from `after` to `until`; the status. */
gw_status store_put_rows(struct store_case *c, uint64_t first, uint64_t last, uint64_t after, uint64_t until);
/* What the rows first to last add up to, of one team (0: of all). There are the teams 1 to 3. */
gw_store_sums store_expect(uint64_t first, uint64_t last, unsigned team, int64_t since_ms, int64_t until_ms);
/* Do the sums by team from a reader of its own equal those of the rows 1 to `last`? `by`: a word beside team that gives the same groups
 * from another place, or 0. */
bool store_check_sums(struct store_case *c, uint64_t last, uint32_t by, int64_t since_ms, int64_t until_ms);
bool store_check_next(struct store_case *c, uint64_t next);

#endif
