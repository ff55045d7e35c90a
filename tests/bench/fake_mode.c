/* fake_mode.c - an OpenAI-shaped answer, whole or streamed, of a given size. */
#include "fake_mode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char event_format[] =
    "data: {\"id\":\"chatcmpl-00000000\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"m\","
    "\"choices\":[{\"index\":0,\"delta\":{%s},\"finish_reason\":%s}]%s}\n\n";
static const char usage_text[] = "\"usage\":{\"prompt_tokens\":12345,\"completion_tokens\":678,\"total_tokens\":13023}";

/* Appends one HTTP chunk to `to`. */
static size_t chunk(char *to, const char *data, size_t len)
{
    size_t n = (size_t)sprintf(to, "%zx\r\n", len);
    memcpy(to + n, data, len);
    memcpy(to + n + len, "\r\n", 2);
    return n + len + 2;
}

static size_t event_chunk(char *to, const char *delta, const char *finish, const char *more)
{
    static char text[FAKE_EVENT_MAX];
    int n = snprintf(text, sizeof text, event_format, delta, finish, more);
    return chunk(to, text, (size_t)n);
}

static size_t make_tail(char *to, bool usage)
{
    char more[256];
    size_t n = event_chunk(to, "", "\"stop\"", "");
    if (usage) {
        int len = snprintf(more, sizeof more,
                           "data: {\"id\":\"chatcmpl-00000000\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                           "\"model\":\"m\",\"choices\":[],%s}\n\n",
                           usage_text);
        n += chunk(to + n, more, (size_t)len);
    }
    n += chunk(to + n, "data: [DONE]\n\n", 14);
    memcpy(to + n, "0\r\n\r\n", 5);
    return n + 5;
}

static size_t offset_of(const char *in, size_t len, const char *what)
{
    const char *at = memmem(in, len, what, strlen(what));
    return (size_t)(at - in) + strlen(what);
}

static void make_stream(struct fake_mode *m, size_t bytes)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                               "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    char delta[2048], text[FAKE_EVENT_MAX];
    m->head = malloc(FAKE_EVENT_MAX);
    m->head_len = (size_t)sprintf(m->head, "%s", head);
    m->head_len += event_chunk(m->head + m->head_len, "\"role\":\"assistant\",\"content\":\"\"", "null", "");
    m->head_id = offset_of(m->head, m->head_len, "chatcmpl-");

    size_t n = (size_t)sprintf(delta, "\"content\":\" t0000000000000000");
    size_t least = (size_t)snprintf(text, sizeof text, event_format, delta, "null", "") + 1;
    size_t pad = bytes > least ? bytes - least : 0;
    if (pad > 1024)
        bench_die("an event has at most 1,200 bytes");
    memset(delta + n, 'x', pad);
    memcpy(delta + n + pad, "\"", 2);
    m->event = malloc(FAKE_EVENT_MAX);
    m->event_len = event_chunk(m->event, delta, "null", "");
    m->event_id = offset_of(m->event, m->event_len, "chatcmpl-");
    m->event_due = offset_of(m->event, m->event_len, "\"content\":\" t");

    for (int usage = 0; usage < 2; usage++) {
        m->tail[usage] = malloc(FAKE_EVENT_MAX);
        m->tail_len[usage] = make_tail(m->tail[usage], usage);
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
    static const char before[] =
        "{\"id\":\"chatcmpl-00000000\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"m\",\"choices\":"
        "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"";
    static const char after[] = "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],";
    size_t fixed = sizeof before - 1 + sizeof after - 1 + sizeof usage_text - 1 + 1;
    if (bytes < fixed)
        bench_die("a whole answer has at least %zu bytes", fixed);
    char *to = m->answer[0] = m->answer[1] = malloc(bytes + 256);
    to += sprintf(to, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", bytes, before);
    bench_prose(to, bytes - fixed);
    to += bytes - fixed;
    to += sprintf(to, "%s%s}", after, usage_text);
    m->answer_len[0] = m->answer_len[1] = (size_t)(to - m->answer[0]);
}

void fake_mode_make(struct fake_mode *m, const char *spec)
{
    size_t bytes = 0;
    if (sscanf(spec, "sse:%u:%zu:%u", &m->chunks, &bytes, &m->interval_ms) == 3 && m->chunks > 0)
        m->stream = true;
    else if (sscanf(spec, "whole:%zu", &bytes) != 1 && sscanf(spec, "delay:%u:%zu", &m->delay_ms, &bytes) != 2)
        bench_die("no such mode: %s", spec);
    if (m->stream)
        make_stream(m, bytes);
    else
        make_whole(m, bytes);
}
