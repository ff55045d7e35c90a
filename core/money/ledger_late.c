/* ledger_late.c - writes records; what cannot be written is kept until it can be. */
#include <stdlib.h>

#include "base/log.h"
#include "money/ledger_inside.h"

/* Writes a record. A hold is open until its END is written: until then a new segment must carry it. */
int ledger_write_one(struct ledger *l, struct record *record, struct fail *fail)
{
    int result = journal_append(l->journal, record, 0, fail);
    if (result < 0)
        return -1;
    if (result == JOURNAL_NOT_SYNCED) /* another sync follows, and reports */
        log_line(LOG_ERROR, "%s", fail->text);
    if (record->type == RECORD_END)
        BUG_IF(!holds_remove(&l->open, record->hold));
    return 0;
}

/* Writes what could not be written before. The mutex is held. */
int ledger_write_late(struct ledger *l, struct fail *fail)
{
    int result = 0;
    for (struct late *late; result == 0 && (late = l->late) != NULL;) {
        struct record record;
        struct arena arena;
        const char *why;
        arena_init(&arena, NULL, 0, 1 << 20);
        BUG_IF(record_read(buf_view(&late->bytes), &arena, &record, &why) < 0);
        result = ledger_write_one(l, &record, fail);
        arena_fini(&arena);
        if (result < 0)
            break;
        l->late = late->next;
        if (l->late == NULL)
            l->last_late = &l->late;
        l->sums.waiting--;
        buf_free(&late->bytes);
        free(late);
    }
    return result;
}

static void keep_late(struct ledger *l, struct record *record)
{
    struct late *late = calloc(1, sizeof *late);
    BUG_IF(late == NULL);
    buf_init(&late->bytes, 1 << 20);
    record->number = 1; /* it gets its own, and its time, when it is written */
    record->unix_ms = 1;
    BUG_IF(record_write(record, &late->bytes) < 0);
    *l->last_late = late;
    l->last_late = &late->next;
    l->sums.waiting++;
}

/* The mutex is held. */
void ledger_write_or_keep(struct ledger *l, struct record *record)
{
    struct fail fail;
    if (ledger_write_late(l, &fail) == 0 && ledger_write_one(l, record, &fail) == 0)
        return;
    if (l->late == NULL)
        log_line(LOG_ERROR, "%s; what ends is kept in memory until then, and new requests are refused", fail.text);
    keep_late(l, record);
}

void ledger_book_late(struct ledger *l, int sign)
{
    for (const struct late *late = l->late; late != NULL; late = late->next) {
        struct record end, hold;
        struct arena arena;
        const char *why;
        arena_init(&arena, NULL, 0, 1 << 20);
        BUG_IF(record_read(buf_view(&late->bytes), &arena, &end, &why) < 0);
        const struct record *whose = &end;
        if (end.type == RECORD_END) { /* its hold is open until it is written */
            BUG_IF(record_read(holds_get(&l->open, end.hold), &arena, &hold, &why) < 0);
            whose = &hold;
        }
        end.cost *= sign;
        end.doubt *= sign;
        end.soft_doubt *= sign;
        ledger_book(l, whose, &end);
        arena_fini(&arena);
    }
}

void ledger_free_late(struct ledger *l)
{
    for (struct late *late = l->late, *next; late != NULL; late = next) {
        next = late->next;
        buf_free(&late->bytes);
        free(late);
    }
}
