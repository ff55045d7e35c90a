/* book.h - the price book: what models cost, read from a file once and never changed. README.md has the format.
 *
 * A book is read by any number of threads at the same time. What it returns is lent for the book's life. */
#ifndef MONEY_BOOK_H
#define MONEY_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/fail.h"
#include "base/text.h"
#include "money/unit.h"

struct book_tier {
    int64_t above; /* the request has more input tokens than this */
    int64_t nano;  /* nano-dollars for unit_info()->per */
};

struct book_price {
    enum unit unit;
    int64_t nano;                  /* nano-dollars for unit_info()->per */
    const struct book_tier *tiers; /* rising */
    size_t tier_count;
};

/* Prices that hold under a condition. Of several, the last whose condition holds counts. */
struct book_entry {
    int64_t from_s;         /* Unix time; INT64_MIN: always */
    int32_t begin_s, end_s; /* seconds of the UTC day, `end` exclusive, may wrap midnight; begin -1: all day */
    struct text when,
        value; /* of a variant: what the request must have ("service_tier", "flex"); absent: a list price */
    const struct book_price *prices;
    size_t price_count;
};

struct book_rule;

struct book_model {
    struct text id;
    const struct book_rule *rules; /* alternatives */
    size_t rule_count;
    int64_t window, max_output; /* tokens; 0: not known */
    const struct book_entry *entries, *variants;
    size_t entry_count, variant_count;
};

struct book_provider {
    struct text id;
    const struct text *names; /* of our plugins and services */
    size_t name_count;
    const struct text *others; /* ids of providers whose models it sells too */
    size_t other_count;
    const struct book_model *models; /* in order: the first that matches counts */
    size_t model_count;
};

struct book {
    uint32_t magic;
    struct arena arena;
    struct text date; /* of the data: "2026-11-27"; absent: the file has none */
    int64_t date_s;   /* when that day begins, Unix time; INT64_MIN: the file has none */
    char digest[65];  /* SHA-256 of the file, hex */
    struct book_provider *providers;
    size_t provider_count;
};

/* Reads the book from `path`: given, free with book_free(). NULL with `fail` (FAIL_OPERATOR: the file and what is
 * wrong with it). */
struct book *book_load(const char *path, struct fail *fail);
/* The same from bytes, which are copied. `name` stands for them in messages. */
struct book *book_parse(struct text bytes, const char *name, struct fail *fail);
void book_free(struct book *book);

/* How a model was found. */
struct book_found {
    const struct book_provider *provider; /* whose list it is: may be one of `others` */
    const struct book_model *model;
    const struct book_rule *rule;
};

/* The price of `model` at a provider: a plugin's or service's name. False, and all NULL, where the book has none:
 * the price is unknown then, never zero. Names are compared without case. */
bool book_find(const struct book *book, struct text provider, struct text model, struct book_found *found);
/* The rule as a person reads it: "begins with claude-sonnet-5". Appended to `out`. */
struct buf;
void book_write_rule(const struct book_rule *rule, struct buf *out);

#endif
