/* bench.h - loads a configuration from a string, with providers that are linked in, and keeps what was reported. */
#ifndef TEST_BOOT_BENCH_H
#define TEST_BOOT_BENCH_H

#include "boot/load.h"

struct bench {
    struct load_options options;
    struct load_report report;
    struct config *config; /* NULL after a complaint */
    struct buf said;       /* the complaints, else the warnings and then the notes */
};

/* The file is called gateway.lua. Plugins: "openai" (usual address, OPENAI_TEST_KEY), "rooted" (a usual address without a path), "demo" (local), "test" (settings
 * of every type, no usual address), "cache" (not a provider). */
void bench_load(struct bench *b, const char *source);
/* The same with options filled in by the caller, but for the source. */
void bench_load_with(struct bench *b, const char *source);
void bench_end(struct bench *b);
/* What was reported, NUL-terminated, lent until bench_end(). */
const char *bench_said(struct bench *b);

/* A certificate of localhost until 2126, one until 2021, and their key; the key of another one. PEM. */
extern const char bench_cert[], bench_old_cert[], bench_key[], bench_other_key[];

/* Settings that the last instance of "test" was opened with, as JSON; instances open now. */
extern char bench_settings[2048];
extern int bench_open;
/* The next open() of "test" fails with this text; NULL: it does not. */
extern const char *bench_refuse;

#endif
