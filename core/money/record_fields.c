/* record_fields.c - which fields a record has: the one table by which records are written, read and shown. */
#include <string.h>

#include "money/record_inside.h"

#define AT(type_, member_) .offset = offsetof(struct type_, member_)
#define IN(type_) (1u << RECORD_##type_)
#define ALL (IN(OPEN) | IN(HOLD) | IN(END) | IN(ROW) | IN(LATE) | IN(LEASE) | IN(MARK))
#define LAST(type_)                                                                                                    \
    {                                                                                                                  \
        FIELD_END, .offset = sizeof(struct type_)                                                                      \
    }

static const char *const types[] = { "", "open", "hold", "end", "row", "late", "lease", "mark", NULL };
static const char *const endings[] = { "", "settled", "void", "doubt", NULL };
static const char *const sources[] = { "", "reported", "counted", "estimated", NULL };

static const struct field name_fields[] = {
    { FIELD_TEXT, 1, "name", .offset = 0 },
    { FIELD_END, .offset = sizeof(struct text) },
};

/* clang-format off */
static const struct field account_fields[] = {
    { FIELD_TEXT,  1, "kind",        AT(record_account, kind) },
    { FIELD_TEXT,  2, "id",          AT(record_account, id) },
    { FIELD_TEXT,  3, "per",         AT(record_account, per) },
    { FIELD_INT,   4, "begins_s",    AT(record_account, begins_s) },
    { FIELD_NANO,  5, "limit_usd",   AT(record_account, limit) },
    { FIELD_NANO,  6, "ceiling_usd", AT(record_account, ceiling) },
    { FIELD_UINT,  7, "number",      AT(record_account, number) },
    { FIELD_FLAG,  8, "strict",      AT(record_account, strict) },
    { FIELD_TEXT,  9, "zone",        AT(record_account, zone) },
    { FIELD_INT,  10, "ends_s",      AT(record_account, ends_s) },
    { FIELD_FLAG, 11, "only_report", AT(record_account, only_report) },
    LAST(record_account),
};

static const struct field balance_fields[] = {
    { FIELD_TEXT,  1, "kind",           AT(record_balance, kind) },
    { FIELD_TEXT,  2, "id",             AT(record_balance, id) },
    { FIELD_TEXT,  3, "per",            AT(record_balance, per) },
    { FIELD_INT,   4, "begins_s",       AT(record_balance, begins_s) },
    { FIELD_NANO,  5, "spent_usd",      AT(record_balance, spent) },
    { FIELD_NANO,  6, "doubt_usd",      AT(record_balance, doubt) },
    { FIELD_NANO,  7, "soft_doubt_usd", AT(record_balance, soft_doubt) },
    { FIELD_UINT,  8, "number",         AT(record_balance, number) },
    { FIELD_TEXT,  9, "zone",           AT(record_balance, zone) },
    LAST(record_balance),
};

static const struct field line_fields[] = {
    { FIELD_TEXT,  1, "unit",      AT(record_line, unit) },
    { FIELD_TEXT,  2, "priced_as", AT(record_line, priced_as) },
    { FIELD_INT,   3, "quantity",  AT(record_line, quantity) },
    { FIELD_NANO,  4, "price_usd", AT(record_line, price) },
    { FIELD_NANO,  5, "cost_usd",  AT(record_line, cost) },
    { FIELD_TEXT,  6, "model",     AT(record_line, model) },
    { FIELD_TEXT,  7, "tier",      AT(record_line, tier) },
    LAST(record_line),
};

const struct field record_fields[] = {
    { FIELD_WORD,  1, "type",           AT(record, type), .words = types, .needed = ALL },
    { FIELD_UINT,  2, "number",         AT(record, number), .needed = ALL },
    { FIELD_TIME,  3, "time",           AT(record, unix_ms), .needed = ALL },

    { FIELD_UINT,  4, "format",         AT(record, format), .needed = IN(OPEN) },
    { FIELD_TEXT,  5, "boot",           AT(record, boot), .needed = IN(OPEN) },
    { FIELD_UINT,  6, "segment",        AT(record, segment), .needed = IN(OPEN) },
    { FIELD_TEXT,  7, "program",        AT(record, program) },
    { FIELD_TEXT,  8, "book",           AT(record, book) },
    { FIELD_LIST,  9, "carried",        AT(record, carried) },
    { FIELD_LIST, 10, "balances",       AT(record, balances), .shape = balance_fields },
    { FIELD_UINT, 11, "as_of",          AT(record, as_of) },
    { FIELD_FLAG, 12, "whole",          AT(record, whole) },
    { FIELD_FLAG, 13, "gap",            AT(record, gap) },
    { FIELD_UINT, 14, "doubts",         AT(record, doubts) },
    { FIELD_UINT, 15, "again",          AT(record, again) },

    { FIELD_TEXT, 16, "request",        AT(record, request), .needed = IN(HOLD) | IN(ROW) },
    { FIELD_UINT, 17, "attempt",        AT(record, attempt), .needed = IN(HOLD) },
    { FIELD_TEXT, 18, "team",           AT(record, team) },
    { FIELD_TEXT, 19, "key",            AT(record, key) },
    { FIELD_TEXT, 20, "project",        AT(record, project) },
    { FIELD_TEXT, 21, "tags",           AT(record, tags) },
    { FIELD_TEXT, 22, "user",           AT(record, user) },
    { FIELD_TEXT, 23, "session",        AT(record, session) },
    { FIELD_TEXT, 24, "client",         AT(record, client) },
    { FIELD_TEXT, 25, "face",           AT(record, face) },
    { FIELD_TEXT, 26, "model",          AT(record, model) },
    { FIELD_TEXT, 27, "provider",       AT(record, provider), .needed = IN(HOLD) },
    { FIELD_TEXT, 28, "upstream_model", AT(record, upstream_model) },
    { FIELD_LIST, 29, "accounts",       AT(record, accounts), .shape = account_fields },
    { FIELD_NANO, 30, "hard_usd",       AT(record, hard) },
    { FIELD_NANO, 31, "soft_usd",       AT(record, soft) },
    { FIELD_UINT, 32, "output_limit",   AT(record, output_limit) },
    { FIELD_TIME, 33, "admitted",       AT(record, admitted_ms), .needed = IN(HOLD) | IN(ROW) },
    { FIELD_LIST, 34, "target_of",      AT(record, target_of), .shape = name_fields },

    { FIELD_UINT, 40, "hold",           AT(record, hold), .needed = IN(END) | IN(LATE) },
    { FIELD_WORD, 41, "ending",         AT(record, ending), .words = endings, .needed = IN(END) },
    { FIELD_FLAG, 42, "final",          AT(record, final) },
    { FIELD_FLAG, 43, "unpriced",       AT(record, unpriced) },
    { FIELD_WORD, 44, "source",         AT(record, source), .words = sources },
    { FIELD_LIST, 45, "lines",          AT(record, lines), .shape = line_fields },
    { FIELD_NANO, 46, "cost_usd",       AT(record, cost) },
    { FIELD_NANO, 47, "doubt_usd",      AT(record, doubt) },
    { FIELD_NANO, 48, "soft_doubt_usd", AT(record, soft_doubt) },
    { FIELD_TEXT, 49, "price",          AT(record, price) },
    { FIELD_TEXT, 50, "outcome",        AT(record, outcome) },
    { FIELD_RAW,  51, "raw",            AT(record, raw) },
    { FIELD_INT,  52, "duration_ms",    AT(record, duration_ms) },
    { FIELD_TEXT, 53, "who",            AT(record, who), .needed = IN(LATE) },
    { FIELD_TEXT, 54, "why",            AT(record, why) },
    { FIELD_RAW,  55, "policies",       AT(record, policies) },
    { FIELD_FLAG, 56, "cached",         AT(record, cached) },
    { FIELD_NANO, 57, "saved_usd",      AT(record, saved) },

    { FIELD_ONE,  60, "account",        AT(record, account), .shape = account_fields, .needed = IN(LEASE) },
    { FIELD_NANO, 61, "delta_usd",      AT(record, delta) },
    { FIELD_UINT, 62, "generation",     AT(record, generation) },
    LAST(record),
};
/* clang-format on */

static const char *name_in(const char *const *words, uint32_t number)
{
    for (uint32_t i = 0; words[i] != NULL; i++)
        if (i == number)
            return words[i];
    return "";
}

const char *record_type_name(uint32_t type)
{
    return name_in(types, type);
}

const char *record_ending_name(uint32_t ending)
{
    return name_in(endings, ending);
}

const char *record_source_name(uint32_t source)
{
    return name_in(sources, source);
}
