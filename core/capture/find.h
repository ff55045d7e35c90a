/* find.h - what was captured, by request. One thread; also beside a gateway that writes. */
#ifndef CAPTURE_FIND_H
#define CAPTURE_FIND_H

#include "base/arena.h"
#include "base/map.h"
#include "capture/sealed.h"

struct find {
    struct arena arena;
    struct map items; /* id -> where it is */
    struct find_file *files;
    bool has_key;
    uint8_t key[CRYPTO_KEY_LEN];
    unsigned requests; /* how many there are */
    unsigned damaged;  /* files whose rest cannot be read; a last record that is not whole is no damage */
};

/* Reads which there are, of files of that hour or later. A folder without captures is an empty one. 0, or -1 with `fail`: there is no key, or
 * another one. find_fini() in both cases. */
int find_open(struct find *f, const char *ledger, int64_t since_ms, struct fail *fail);
void find_fini(struct find *f);
bool find_has(const struct find *f, struct text id, enum sealed_kind kind);
/* What there is of one request, "request" and "answer": words that are static, NULL behind the last. 0, or -1 with `fail`: none. */
int find_words(const char *ledger, struct text id, const char *words[3], struct fail *fail);
/* The text in `out`, arena; false: there is none, or it cannot be read. */
bool find_get(struct find *f, struct text id, enum sealed_kind kind, struct arena *arena, struct text *out);

#endif
