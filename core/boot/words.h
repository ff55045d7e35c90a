/* words.h - the words of gateway.lua: one table that checks them and that `check --words` prints. */
#ifndef BOOT_WORDS_H
#define BOOT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"

/* What a setting takes, and what it becomes at its offset in the declaration. */
enum word_type {
    WORD_STRING,   /* struct text */
    WORD_NUMBER,   /* by unit: s and ms to int64_t nanoseconds, MB and KB to size_t bytes */
    WORD_COUNT,    /* a whole number: unsigned */
    WORD_SHARE,    /* a number: double */
    WORD_BOOL,     /* bool */
    WORD_CHOICE,   /* one of `choices`: struct text */
    WORD_WORKERS,  /* "auto" or a whole number: unsigned, 0 for auto */
    WORD_LIMIT,    /* "adaptive" or a whole number: unsigned, UINT32_MAX for adaptive */
    WORD_STRINGS,  /* a list of strings: struct declare_texts */
    WORD_PATHS,    /* a string or a list of them: struct declare_texts */
    WORD_SECRET,   /* env or file: struct declare_secret * */
    WORD_SECRETS,  /* a list of those: struct declare_secrets */
    WORD_HEADERS,  /* { ["Name"] = "value" or env or file }: struct declare_headers */
    WORD_TARGETS,  /* "provider/model" or { "provider/model" }, a list: struct declare_targets */
    WORD_PRICE,    /* "free" or { input_usd_per_mtok = 2.5 }: const struct tariff * */
    WORD_USD,      /* a number or a string, exactly: int64_t nano-dollars */
    WORD_BUDGETS,  /* the settings of the word "budget", or a list of such: struct declare_budgets */
    WORD_TAGS,     /* { name = "value" }: struct text, "name=value,name=value" */
    WORD_SETTINGS, /* braces with settings of their own: the word "WORD.SETTING" */
    WORD_ARGS,     /* { name = value }, values of any kind: struct text, JSON */
    WORD_PLACES,   /* { name = { url =, headers = } }: struct declare_places */
    WORD_EXTRAS,   /* any other name: struct declare_extras */
    WORD_FUNCTION, /* env, file: a function, not a declaration */
};

#define WORD_LIST "[]"   /* the values without a name */
#define WORD_OTHER "..." /* settings that the plugin declares */

struct word_row {
    const char *word;    /* "model", "model.timeout" */
    const char *setting; /* "base_url", WORD_LIST or WORD_OTHER; NULL: about the word itself */
    enum word_type type;
    const char *unit;      /* "s", "ms", "MB", "KB"; NULL: none */
    double least, most;    /* of numbers */
    const char *otherwise; /* the default, as it would be written; NULL: none */
    const char *choices;   /* of WORD_CHOICE, blank-separated */
    size_t offset;         /* in the word's declaration */
    bool required;
    bool reload; /* counts from a reload on; else from the next start on */
    const char *help;
};

/* Sorted by nothing but sense: in the order a person would read them. */
extern const struct word_row words[];
extern const size_t word_count;

/* The row of a setting, NULL when the word has none of that name. */
const struct word_row *words_find(const char *word, const char *setting);
/* The setting of `word`, or of the NULL-terminated `more` (may be NULL), that was probably meant; NULL: none. */
const char *words_nearest(const char *word, const char *setting, const char *const *more);
/* The words one can begin a line with, NULL-terminated. Static. */
const char *const *words_names(void);
/* Words and settings that belong to a later version: the answer is then not "did you mean". `word` NULL asks
 * for a word itself. */
bool words_is_later(const char *word, const char *setting);
/* What a row takes, for a person: `a number of seconds from 0.05 to 3600`. Appended. */
void words_write_wanted(const struct word_row *row, struct buf *out);

/* The whole table, as text or as a JSON array. Appended. */
void words_write(bool as_json, struct buf *out);

#endif
