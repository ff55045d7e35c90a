/* fake_mode.c - an answer in a provider's shape, whole or streamed, of a given size. */
#include "fake_mode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* Appends one HTTP chunk to `to`. */
static size_t chunk(char *to, const char *data, size_t len)
{
    size_t n = (size_t)sprintf(to, "%zx\r\n", len);
    memcpy(to + n, data, len);
    memcpy(to + n + len, "\r\n", 2);
    return n + len + 2;
}

/* Each event of the list is a chunk by itself. */
static size_t chunks(char *to, const char *const *events)
{
    size_t n = 0;
    for (; *events; events++)
        n += chunk(to + n, *events, strlen(*events));
    return n;
}

static size_t offset_of(const char *in, size_t len, const char *what)
{
    const char *at = memmem(in, len, what, strlen(what));
    return (size_t)(at - in) + strlen(what);
}

static void make_event(struct fake_mode *m, size_t bytes)
{
    char text[FAKE_EVENT_MAX];
    const struct fake_shape *shape = m->shape;
    size_t n = (size_t)sprintf(text, "%s t0000000000000000", shape->event_before);
    size_t least = n + strlen(shape->event_after), pad = bytes > least ? bytes - least : 0;
    if (pad > 1024)
        bench_die("an event has at most 1,024 bytes more than it needs, here %zu", least);
    memset(text + n, 'x', pad);
    n += pad;
    n += (size_t)sprintf(text + n, "%s", shape->event_after);

    m->event = malloc(FAKE_EVENT_MAX);
    m->event_len = chunk(m->event, text, n);
    const char *id = memmem(m->event, m->event_len, shape->id_mark, strlen(shape->id_mark));
    m->event_has_id = id != NULL;
    m->event_id = id ? offset_of(m->event, m->event_len, shape->id_mark) : 0;
    m->event_due = offset_of(m->event, m->event_len, "\":\" t");
}

static void make_stream(struct fake_mode *m, size_t bytes)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                               "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    m->head = malloc(FAKE_EVENT_MAX);
    m->head_len = (size_t)sprintf(m->head, "%s", head);
    m->head_len += chunks(m->head + m->head_len, m->shape->first);
    m->head_id = offset_of(m->head, m->head_len, m->shape->id_mark);
    make_event(m, bytes);

    for (int usage = 0; usage < 2; usage++) {
        m->tail[usage] = malloc(FAKE_EVENT_MAX);
        size_t n = chunks(m->tail[usage], m->shape->last[usage]);
        memcpy(m->tail[usage] + n, "0\r\n\r\n", 5);
        m->tail_len[usage] = n + 5;
        char *to = m->answer[usage] = malloc(m->head_len + m->event_len * m->chunks + FAKE_EVENT_MAX);
        memcpy(to, m->head, m->head_len);
        to += m->head_len;
        for (unsigned i = 0; i < m->chunks; i++, to += m->event_len)
            memcpy(to, m->event, m->event_len);
        memcpy(to, m->tail[usage], m->tail_len[usage]);
        m->answer_len[usage] = (size_t)(to - m->answer[usage]) + m->tail_len[usage];
    }
}

static void make_whole(struct fake_mode *m, size_t bytes)
{
    size_t fixed = strlen(m->shape->whole_before) + strlen(m->shape->whole_after);
    if (bytes < fixed)
        bench_die("a whole answer has at least %zu bytes", fixed);
    char *to = m->answer[0] = m->answer[1] = malloc(bytes + 256);
    to += sprintf(to, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", bytes,
                  m->shape->whole_before);
    bench_prose(to, bytes - fixed);
    to += bytes - fixed;
    to += sprintf(to, "%s", m->shape->whole_after);
    m->answer_len[0] = m->answer_len[1] = (size_t)(to - m->answer[0]);
}

void fake_mode_make(struct fake_mode *m, const char *spec)
{
    static const char anthropic[] = "anthropic:";
    const char *kind = spec;
    size_t bytes = 0;
    m->shape = &fake_shape_openai;
    if (strncmp(spec, anthropic, sizeof anthropic - 1) == 0) {
        m->shape = &fake_shape_anthropic;
        kind += sizeof anthropic - 1;
    }
    if (sscanf(kind, "sse:%u:%zu:%u", &m->chunks, &bytes, &m->interval_ms) == 3 && m->chunks > 0)
        m->stream = true;
    else if (sscanf(kind, "whole:%zu", &bytes) != 1 && sscanf(kind, "delay:%u:%zu", &m->delay_ms, &bytes) != 2)
        bench_die("no such mode: %s", spec);
    if (m->stream)
        make_stream(m, bytes);
    else
        make_whole(m, bytes);
}
