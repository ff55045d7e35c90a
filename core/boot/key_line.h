/* key_line.h - the settings of a key or team that a command or the admin API makes, and their line in keys.lua. Pure functions. */
#ifndef BOOT_KEY_LINE_H
#define BOOT_KEY_LINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/fail.h"
#include "config/config.h"

enum {
    KEY_LINE_SECRET = 64,
    KEY_LINE_DIGEST = 2 * CRYPTO_SHA256_LEN + 1,
    KEY_LINE_MODELS_MOST = 256,
    KEY_LINE_TAGS_MOST = 32
};

/* What is absent or below 0 is not set. Texts are lent. Values are checked where the line is read, as those of gateway.lua are. */
struct key_line {
    struct text usd, per; /* budget; `per` absent: month */
    int64_t rpm, tpm, in_flight;
    struct text priority, expires, project;
    const struct text *models;
    size_t model_count;
    bool has_models;  /* an empty list is not no list */
    struct text tags; /* "name=value,name=value" */
};
#define KEY_LINE_NONE                                                                                                  \
    {                                                                                                                  \
        .rpm = -1, .tpm = -1, .in_flight = -1                                                                          \
    }

/* Makes a key, `prefix` (at most 16 bytes) and 43 letters and digits (256 random bits), and the digest that the file has. Wipe the key. */
void key_line_make(const char *prefix, char secret[KEY_LINE_SECRET], char digest[KEY_LINE_DIGEST]);
/* `, budget = { usd = "5", per = "month" }, limits = { rpm = 60 }`: what a team's line has, too, without `models`. */
void key_line_settings(const struct key_line *line, struct buf *out);
/* `{ "small", "claude-*" }` */
void key_line_models(const struct key_line *line, struct buf *out);
/* The rest of a key's line from its team on, `team = "t", ... } -- made 2026-11-28T10:00:00Z`, as struct keybook_key has it. -1 with
 * `fail` (FAIL_CLIENT): tags that are not name=value. */
int key_line_rest(const struct key_line *line, struct text team, struct text made, struct buf *out, struct fail *fail);
/* The settings of a key as the snapshot has them; in `arena`. -1 with `fail` (FAIL_CLIENT): it has settings that a command does not make. */
int key_line_of(const struct config_key *key, struct arena *arena, struct key_line *line, struct fail *fail);
/* "30s", "10m", "24h", "7d" in milliseconds, up to ten years; -1: it is none of them. */
int64_t key_line_grace_ms(struct text grace);

#endif
