/* load_options.c - command line and request body of the load generator. */
#include "load_options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char usage[] =
    "usage: load --url http://ADDRESS:PORT/PATH [options]\n"
    "  --model NAME  --key KEY  --body BYTES     the request: body of exactly BYTES (default 1024)\n"
    "  --image                                   the body is one image, not a conversation\n"
    "  --stream  --include-usage                 asks for a stream; for its usage\n"
    "  --connections N                           (default 32) a closed loop on each\n"
    "  --rate R                                  an open loop instead: R requests a second over the N connections;\n"
    "                                            latency counts from when a request was due, not from when it was sent\n"
    "  --once                                    one request on each connection, then the end\n"
    "  --ramp S  --warmup S  --seconds S         connections open evenly over the ramp; what follows ramp and warmup is\n"
    "                                            the window in which everything is counted (default 0, 0.5, 2)\n"
    "  --requests N                              the window ends after N answers, at the latest after --seconds\n"
    "  --grace S                                 for what is still open when the window ends (default 5)\n"
    "  --events N                                a stream with another number of events is an error\n"
    "  --cancel-after N                          closes each stream after its Nth event\n"
    "  --watch PID                               CPU of that process within the window, its memory at both ends\n";

static int64_t seconds(const char *text)
{
    return (int64_t)(strtod(text, NULL) * 1e9);
}

static void parse_url(struct load_options *o)
{
    char host[64];
    int port, used = 0;
    if (sscanf(o->url, "http://%63[0-9.]:%d%n", host, &port, &used) != 2 || o->url[used] != '/')
        bench_die("--url must be http://ADDRESS:PORT/PATH\n%s", usage);
    o->server.sin_family = AF_INET;
    o->server.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, host, &o->server.sin_addr) != 1)
        bench_die("--url: not an address: %s", host);
    o->host = strndup(o->url + 7, (size_t)used - 7);
    o->path = o->url + used;
}

/* Pads with one image: base64, as an application sends a picture beside its question. */
static void make_image(char *to, char *limit)
{
    static const char head[] =
        "What is this?\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgo";
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    memcpy(to, head, sizeof head - 1);
    to += sizeof head - 1;
    for (uint32_t state = 1; to < limit; to++) {
        state = state * 1103515245u + 12345u;
        *to = base64[state >> 26];
    }
}

/* Pads with a conversation: messages of about 2 KB, the last as long as it must be. */
static void make_body(const struct load_options *o, char *body)
{
    const char *end = o->image ? "\"}}]}]}" : "\"}]}";
    static const char next[] = "\"},{\"role\":\"%s\",\"content\":\"";
    char *to = body, *limit = body + o->body_bytes - strlen(end);
    char head[1024];
    int n = snprintf(
        head, sizeof head,
        "{\"model\":\"%s\",\"user\":\"bench-00000000\",%s%s\"temperature\":0.7,\"max_tokens\":400,\"messages\":["
        "{\"role\":\"system\",\"content\":\"Answer in one short line.\"},{\"role\":\"user\",\"content\":%s",
        o->model, o->stream ? "\"stream\":true," : "",
        o->include_usage ? "\"stream_options\":{\"include_usage\":true}," : "",
        o->image ? "[{\"type\":\"text\",\"text\":\"" : "\"");
    if (n + (o->image ? 200 : 0) > limit - to)
        bench_die("--body must be at least %zu", (size_t)n + strlen(end) + (o->image ? 200 : 0));
    memcpy(to, head, (size_t)n);
    to += n;
    if (o->image) {
        make_image(to, limit);
        memcpy(limit, end, strlen(end));
        return;
    }
    for (unsigned turn = 1; limit - to > 2300; turn++) {
        bench_prose(to, 2048);
        to += 2048;
        to += sprintf(to, next, turn % 2 ? "assistant" : "user");
    }
    bench_prose(to, (size_t)(limit - to));
    memcpy(limit, end, strlen(end));
}

static void make_request(struct load_options *o)
{
    o->request = malloc(o->body_bytes + 2048);
    int n = snprintf(o->request, 2048,
                     "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench/1\r\nAccept: %s\r\nAuthorization: Bearer %s\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     o->path, o->host, o->stream ? "text/event-stream" : "application/json", o->key, o->body_bytes);
    if (n >= 2048)
        bench_die("the request's head is too long");
    make_body(o, o->request + n);
    o->request_len = (size_t)n + o->body_bytes;
    const char *mark = memmem(o->request, o->request_len, "\"bench-", 7);
    o->request_id = (size_t)(mark + 7 - o->request);
}

enum {
    OPT_URL = 1,
    OPT_MODEL,
    OPT_KEY,
    OPT_BODY,
    OPT_CONNECTIONS,
    OPT_RATE,
    OPT_RAMP,
    OPT_WARMUP,
    OPT_SECONDS,
    OPT_GRACE,
    OPT_IMAGE,
    OPT_REQUESTS,
    OPT_ONCE,
    OPT_STREAM,
    OPT_USAGE,
    OPT_EVENTS,
    OPT_CANCEL,
    OPT_WATCH
};

static const struct option options[] = {
    { "body", required_argument, NULL, OPT_BODY },
    { "cancel-after", required_argument, NULL, OPT_CANCEL },
    { "connections", required_argument, NULL, OPT_CONNECTIONS },
    { "events", required_argument, NULL, OPT_EVENTS },
    { "grace", required_argument, NULL, OPT_GRACE },
    { "image", no_argument, NULL, OPT_IMAGE },
    { "include-usage", no_argument, NULL, OPT_USAGE },
    { "key", required_argument, NULL, OPT_KEY },
    { "model", required_argument, NULL, OPT_MODEL },
    { "once", no_argument, NULL, OPT_ONCE },
    { "ramp", required_argument, NULL, OPT_RAMP },
    { "rate", required_argument, NULL, OPT_RATE },
    { "requests", required_argument, NULL, OPT_REQUESTS },
    { "seconds", required_argument, NULL, OPT_SECONDS },
    { "stream", no_argument, NULL, OPT_STREAM },
    { "url", required_argument, NULL, OPT_URL },
    { "warmup", required_argument, NULL, OPT_WARMUP },
    { "watch", required_argument, NULL, OPT_WATCH },
    { NULL, 0, NULL, 0 },
};

static void take_option(struct load_options *o, int option, const char *text)
{
    switch (option) {
    case OPT_URL:
        o->url = text;
        break;
    case OPT_MODEL:
        o->model = text;
        break;
    case OPT_KEY:
        o->key = text;
        break;
    case OPT_BODY:
        o->body_bytes = strtoul(text, NULL, 10);
        break;
    case OPT_CONNECTIONS:
        o->connections = (unsigned)strtoul(text, NULL, 10);
        break;
    case OPT_RATE:
        o->rate = strtod(text, NULL);
        break;
    case OPT_RAMP:
        o->ramp_ns = seconds(text);
        break;
    case OPT_WARMUP:
        o->warmup_ns = seconds(text);
        break;
    case OPT_SECONDS:
        o->window_ns = seconds(text);
        break;
    case OPT_GRACE:
        o->grace_ns = seconds(text);
        break;
    case OPT_REQUESTS:
        o->requests = strtoull(text, NULL, 10);
        break;
    case OPT_ONCE:
        o->once = true;
        break;
    case OPT_IMAGE:
        o->image = true;
        break;
    case OPT_STREAM:
        o->stream = true;
        break;
    case OPT_USAGE:
        o->include_usage = true;
        break;
    case OPT_EVENTS:
        o->events = (unsigned)strtoul(text, NULL, 10);
        break;
    case OPT_CANCEL:
        o->cancel_after = (unsigned)strtoul(text, NULL, 10);
        break;
    case OPT_WATCH:
        o->watch = (pid_t)strtol(text, NULL, 10);
        break;
    default:
        bench_die("%s", usage);
    }
}

void load_options_parse(struct load_options *o, int argc, char **argv)
{
    int option;
    *o = (struct load_options){ .model = "m",
                                .key = "none",
                                .body_bytes = 1024,
                                .connections = 32,
                                .warmup_ns = 500000000,
                                .window_ns = 2000000000,
                                .grace_ns = 5000000000 };
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        take_option(o, option, optarg);
    if (!o->url || optind < argc || o->connections == 0)
        bench_die("%s", usage);
    parse_url(o);
    make_request(o);
}
