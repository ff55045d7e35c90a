/* fake_store.h - a store in memory, which a test can let fail. Its rows are kept over sessions, as those of a file. */
#ifndef TEST_FAKE_STORE_H
#define TEST_FAKE_STORE_H

#include <gateway/plugin.h>
#include <gateway/store.h>
#include <pthread.h>
#include <stdbool.h>

enum { FAKE_ROWS_MOST = 10240 };

struct fake_row {
    uint64_t generation, number;
    int64_t cost, doubt;
    char request[40], team[16], outcome[16];
};

struct fake_store {
    pthread_mutex_t mutex; /* of all below */
    gw_store_cursor cursor;
    struct fake_row rows[FAKE_ROWS_MOST];
    size_t row_count, doubles;
    unsigned attaches, puts, prunes;
    int64_t pruned_before_ms;     /* as the last prune() was asked */
    uint32_t prunable;            /* so many rows are left to remove */
    int fail_attaches, fail_puts; /* so many answer GW_E_RETRY; less than 0: GW_E_CONFIG, always */
    int lose_answers;             /* so many puts are done, and answer GW_E_RETRY */
    bool misses;                  /* attach() answers GW_MISS: a defect */
};

extern struct fake_store fake_store;
extern const gw_plugin fake_store_plugin;
/* Empty, and failing at nothing. */
void fake_store_clear(void);
size_t fake_store_rows(void);

#endif
