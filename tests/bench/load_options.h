/* load_options.h - the options of the load generator, and the request that follows from it. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct load_options {
    struct sockaddr_in server;
    const char *url, *host, *path, *model, *key;
    size_t body_bytes;
    unsigned connections;
    int64_t ramp_ns, warmup_ns, window_ns, grace_ns;
    double rate;           /* requests a second; 0: closed loop */
    uint64_t requests;     /* the window ends after so many; 0: after its time */
    unsigned cancel_after; /* leave after so many events; 0: never */
    unsigned events;       /* each stream must have so many; 0: any number */
    bool once;             /* one request on each connection */
    bool stream, include_usage, image;
    pid_t watch; /* whose CPU and memory; 0: nobody's */

    char *request; /* head and body */
    size_t request_len;
    size_t request_id; /* where its 8 digits are */
};

/* Ends the process with a text when it does not understand. */
void load_options_parse(struct load_options *o, int argc, char **argv);

#endif
