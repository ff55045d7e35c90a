/* record.h - the records of the journal: what is in each, written to bytes, read back, shown as JSON. Any thread.
 *
 * A record is a list of fields. Each begins with one byte: its tag times two, plus 1 where bytes follow. Then comes a
 * number (LEB128; signed ones in zigzag) or a length and that many bytes. A field that is 0 or absent is left out. A
 * reader passes over a tag that it does not know, so fields can be added; a tag is never used for another thing. */
#ifndef MONEY_RECORD_H
#define MONEY_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

/* Stored as these numbers: rows are added at the end. */
enum record_type {
    RECORD_NONE,
    RECORD_OPEN,  /* the first of a segment */
    RECORD_HOLD,  /* an attempt is about to be sent */
    RECORD_END,   /* that attempt is over */
    RECORD_ROW,   /* a request that asked no upstream */
    RECORD_LATE,  /* a correction of an END or a ROW */
    RECORD_LEASE, /* part of a budget moved between gateways */
    RECORD_MARK, /* all records before this number were on the disk when it was written; as an OPEN it has no number of its own */
    RECORD_TYPES
};

enum record_ending {
    ENDING_NONE,
    ENDING_SETTLED, /* the cost in the record is final */
    ENDING_VOID,    /* surely free: no byte was sent, or the upstream refused it */
    ENDING_DOUBT,   /* the upstream may charge up to `doubt` beside `cost` */
};

/* Where the usage came from. */
enum record_source { SOURCE_NONE, SOURCE_REPORTED, SOURCE_COUNTED, SOURCE_ESTIMATED };

struct record_list {
    void *items;
    size_t count;
};

/* One account that a HOLD was taken from. Money is in nano-dollars. */
struct record_account {
    struct text kind, id, per; /* "team", "support", "month" */
    int64_t begins_s;          /* its period, unix seconds */
    int64_t limit, ceiling;
    uint64_t number; /* of the holds of this account, without gaps */
    uint32_t strict;
    struct text zone;     /* of its period, absent: UTC */
    int64_t ends_s;       /* of its period; 0: never, or not known */
    uint32_t only_report; /* it refuses nothing */
};

/* What an account stood at when a segment began. */
struct record_balance {
    struct text kind, id, per, zone;
    int64_t begins_s;
    int64_t spent, doubt, soft_doubt;
    uint64_t number;
};

/* One priced quantity. */
struct record_line {
    struct text unit, priced_as; /* unit_info() names; priced_as absent: the same */
    int64_t quantity;
    int64_t price; /* nano-dollars for unit_info(priced_as)->per */
    int64_t cost;
    struct text model, tier; /* absent: the attempt's own */
};

struct record {
    uint32_t type; /* enum record_type */
    uint64_t
        number; /* counts the records of a ledger from 1, without gaps; OPEN has the number of the record behind it */
    int64_t unix_ms;

    /* OPEN */
    uint64_t format;  /* RECORD_FORMAT */
    struct text boot; /* a UUID for each run of the program */
    uint64_t segment;
    struct text program, book;   /* version; digest of the price book */
    struct record_list carried;  /* struct text: the HOLDs without an END, as they were written */
    struct record_list balances; /* struct record_balance */
    uint64_t as_of;  /* what is carried over stood so before the record of this number; 0: before that of `number` */
    uint64_t again;  /* the records from `number` to before this one come again behind it; 0: none */
    uint32_t whole;  /* 1: all is carried over that a start needs: it reads nothing older */
    uint32_t gap;    /* 1: the operator accepted that records before it are lost */
    uint64_t doubts; /* the number of the oldest segment with a HOLD whose cost is in doubt; 0: not known */

    /* HOLD and ROW: whose it is. A LATE repeats what the corrected one had. */
    struct text request; /* our id */
    uint64_t attempt;    /* from 1 */
    struct text team, key, project, tags, user, session, client, face;
    struct text model;            /* asked for */
    struct record_list target_of; /* struct text: asked for as "provider/model", it is a target of these models */
    struct text provider, upstream_model; /* which was to answer */
    struct record_list accounts;          /* struct record_account */
    int64_t hard, soft;                   /* the most it can cost; what it is expected to cost */
    uint64_t output_limit;                /* of tokens, as sent; 0: none */
    int64_t admitted_ms;                  /* decides on the period and the price */

    /* END, ROW and LATE: how it ended. In a LATE money is what is added; less than 0 takes away */
    uint64_t hold; /* END: the HOLD's number; LATE: that of the HOLD or ROW that is corrected */
    uint32_t ending;
    uint32_t final;    /* 1: the request is over with it */
    uint32_t unpriced; /* 1: what it cost is not known */
    uint32_t source;
    struct record_list lines; /* struct record_line */
    int64_t cost, doubt, soft_doubt;
    struct text price;   /* what the prices are called: "openai/gpt-4o" */
    struct text outcome; /* "ok", "status_503" */
    struct text raw;     /* the usage as the upstream wrote it, at most RECORD_RAW_MOST */
    int64_t duration_ms;
    struct text who, why; /* LATE: who corrected it, and the reason */
    uint32_t cached;      /* ROW: 1: answered from the cache. Its lines are what the answer used when it was made */
    int64_t saved;        /* ROW, cached: what they would cost today, which is not charged; the sum of its lines */
    struct text
        policies; /* JSON: what policies decided on the request, and how its targets were chosen, in its last record; at most RECORD_RAW_MOST */

    /* LEASE */
    struct record_account account;
    int64_t delta;
    uint64_t generation; /* of the store that granted it */
};

#define RECORD_FORMAT 1
/* What is longer is left out of `raw` and `policies`, or cut from the others. */
#define RECORD_RAW_MOST 2048
#define RECORD_TEXT_MOST 512

/* Appends the record. A text over its bound is cut between characters. 0, or -1 where `out` has no room. */
int record_write(const struct record *record, struct buf *out);
/* Reads one record: its texts are lent from `bytes`, its lists are in the arena. 0; or -1 with *why, static: bytes that are no
 * record, a type or a format that this program does not know, a field missing that its type needs. */
int record_read(struct text bytes, struct arena *arena, struct record *record, const char **why);
/* The record as one JSON object, money as decimal strings in USD. */
void record_write_json(const struct record *record, struct json_writer *w);
/* What the HOLD was taken from, as a JSON array. */
void record_write_accounts(const struct record *record, struct json_writer *w);
/* "hold", "settled", "reported"; "" where there is no such number. Static. */
const char *record_type_name(uint32_t type);
const char *record_ending_name(uint32_t ending);
const char *record_source_name(uint32_t source);

#endif
