/* kit.h - the conformance kit between its files. One thread.
 *
 *   main.c     options, files, the report       case.c     the members of a case file
 *   session.c  one call into the plugin         body.c     what read() is given, and how it is cut
 *   run_read.c run_build.c run_produce.c        what a case asks for, and what holds for every answer
 *   table.c    the capability table              write.c    --write: goldens into the case files
 *   store.c store_case.c                          what holds for every store
 *   cache.c                                       what holds for every cache */
#ifndef CONFORMANCE_KIT_H
#define CONFORMANCE_KIT_H

#include <gateway/provider.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "event.h"
#include "plugin/call.h"
#include "plugin/plugin.h"

struct kit {
    const struct plugin *plugin;
    gw_host host; /* the core's, but for clocks that stand still */
    int64_t now_ms;
    const char *recordings; /* --recordings; NULL: none */
    const char *apis;       /* --api, comma-separated */
    const char *settings;   /* --settings, JSON; NULL: none */
    uint64_t apis_seen;     /* a bit for each of its words of which there was a recording */
    bool write;             /* --write */
    bool quiet;             /* only what failed */
    unsigned passed, failed, skipped;
};

/* A file of cases. */
struct case_file {
    const char *path;   /* kept */
    struct text folder; /* where the files it names are */
    struct text text;
    const struct json *root;
    struct arena arena;
};

/* One case while it runs. */
struct kit_case {
    struct kit *kit;
    struct case_file *file; /* NULL: the kit's own, or a recording */
    struct arena *arena;
    const struct json *json; /* NULL as well */
    struct text name;
    void *instance;
    char problem[1024]; /* the first; empty: passed */
    char skip[256];     /* why it cannot run */
    /* For --write: */
    gw_status status;   /* what the step answered */
    struct buf golden;  /* lines of events */
    struct buf request; /* "request": JSON text; empty: none */
    struct buf dropped; /* "dropped": JSON text; empty: none */
};

/* Notes what is wrong, once. Always false. */
bool case_fail(struct kit_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool case_failed(const struct kit_case *c)
{
    return c->problem[0] != '\0' || c->skip[0] != '\0';
}

/* case.c. A whole file, arena; absent with the reason in the case (NULL: it is not reported). */
struct text case_read_file(struct kit_case *c, struct arena *arena, const char *path);
/* A file that a case names, beside its case file. */
struct text case_path(struct kit_case *c, struct text name);
struct text case_decode_base64(struct arena *arena, struct text code);
/* The request of "build" or "produce"; *out lives as long as the case. False with a problem. */
bool case_request(struct kit_case *c, const struct json *json, gw_request *out);
/* "ok", "request" ... for a status, and back (-100 when there is no such word). */
const char *case_status_name(gw_status status);
gw_status case_status(struct text name);
/* The same JSON, whatever the order of members and the spelling of numbers? */
bool case_same_json(const struct json *a, const struct json *b);

/* One call into the plugin. */
struct session {
    struct kit_case *of;
    struct arena keep, scratch;
    struct gw_call call;
    const struct json *client_headers, *answer_headers; /* objects; NULL: none */
    struct event_check check;
    struct buf lines; /* its events */
    gw_status status; /* of the last step */
};

/* `damaged`: what is read is not what a service sends. */
void session_begin(struct session *s, struct kit_case *c, bool damaged);
/* False when an event was wrong: the case has a problem then, which names `how` it came about. */
bool session_end(struct session *s, const char *how);
/* The step is over: its status, and its memory. False with a problem when the status is none of a step. */
bool session_step(struct session *s, gw_status status);
void session_emit(gw_call *call, const gw_event *event);
/* build() with copies of the request's texts, gone when it returns. `http` is the caller's to end. */
gw_status session_build(struct session *s, const gw_request *request, struct gw_http *http);
/* Opens and closes the case's instance. */
bool session_open(struct kit_case *c, const struct json *settings);
void session_close(struct kit_case *c);

/* What read() is given. */
struct body {
    struct text bytes;
    bool stream;
    uint32_t status;
    const struct json *headers;
    gw_request request; /* built first, in the same call, when has_request */
    bool has_request;
};
struct body_frames; /* a body as frames, arena */

/* The member "read" of a case, or a recording. False with a problem or a skip. */
bool body_of_case(struct kit_case *c, const struct json *read, struct body *body);
bool body_of_recording(struct kit_case *c, const struct json *recording, struct body *body);
/* One call: the request if there is one, then the body in pieces. `cuts`: offsets, rising; every_byte: at all. */
void body_read(struct session *s, const struct body *body, const size_t *cuts, size_t count, bool every_byte);
/* The same frame by frame, to run two calls in turns. */
struct body_frames *body_cut(struct kit_case *c, const struct body *body);
/* Gives read() the next frame; false at the end. */
bool body_next(struct session *s, const struct body *body, struct body_frames *frames);

/* Each runs the case; problems are in it afterwards. */
void run_read(struct kit_case *c, const struct body *body);
void run_build(struct kit_case *c);
void run_produce(struct kit_case *c);
void run_open(struct kit_case *c);
/* What holds for any provider, without a case: errors of any shape, relayed requests. */
void run_errors(struct kit_case *c);
void run_relayed(struct kit_case *c, uint32_t dialect);
/* table.c: the capability table, and what one build() dropped. */
void table_check(struct kit_case *c, const gw_request *request, const struct gw_call *call);
/* Compares events with the golden ones of the case, or keeps them for --write. */
void run_compare_events(struct kit_case *c, struct text lines, const char *how);
/* Does what a step answered fit the member "result"? */
void run_compare_result(struct kit_case *c, const struct session *s);

/* cache.c: puts a cache through its paces, in the place of cases. The exit code. */
int cache_run(struct kit *kit);
/* store.c: puts a store through its paces, in the place of cases. The exit code. */
int store_run(struct kit *kit);

/* A small generator, so that every run is the same. */
static inline uint32_t kit_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* write.c: the case with the golden members that it gave now, in the file's arena. Writes its events_file itself. */
struct text write_case(struct kit_case *c);
/* The file, with texts[i] (absent: as it was) in the place of cases[i]; these are in the order of the file. */
bool write_file(const struct case_file *file, const struct json *const *cases, const struct text *texts, size_t count);

#endif
