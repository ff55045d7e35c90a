/* top.c - llm-gateway top: how fast a running gateway is asked, and how it fares. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/gateway_url.h"
#include "cli/top_figures.h"
#include "upstream/dial.h"
#include "upstream/transfer.h"

enum { METRICS_MOST = 32 << 20, EVERY_USUAL_S = 2, EVERY_MOST_S = 3600 };

static const struct cli_option options[] = {
    { "url", 0, "URL", "GW_URL", "where the gateway is; http://127.0.0.1:8080 unless said" },
    { "token", 0, "TOKEN", "GW_METRICS_TOKEN", "what opens /metrics from another machine: metrics { token = ... }" },
    { "every", 0, "SECONDS", NULL, "between two screens; 2 unless said" },
    { "once", 0, NULL, NULL, "one screen: means since the gateway's start" },
    CLI_OPTIONS_END,
};

/* One GET of /metrics. */
struct reading {
    struct loop loop;
    int status;
    struct buf body;
    enum transfer_failure failure;
    char why[256];
};

static void on_head(void *owner, int status, const struct transfer_header *headers, size_t count)
{
    struct reading *r = owner;
    (void)headers, (void)count;
    r->status = status;
}

static void on_body(void *owner, struct text bytes)
{
    struct reading *r = owner;
    buf_text(&r->body, bytes);
}

static void on_done(void *owner, enum transfer_failure failure, const char *why)
{
    struct reading *r = owner;
    r->failure = failure;
    snprintf(r->why, sizeof r->why, "%s", why != NULL ? why : transfer_failure_name(failure));
    loop_stop(&r->loop);
}

static int judge(const struct reading *r, const char *url)
{
    if (r->failure == TRANSFER_OK && r->status == 200)
        return CLI_OK;
    if (r->failure != TRANSFER_OK)
        cli_say("%s: %s: no gateway answers there; --url or GW_URL names another place", url, r->why);
    else if (r->status == 401 || r->status == 403)
        cli_say("%s does not show its metrics: give the token of metrics { token = ... } with --token", url);
    else
        cli_say("%s answers with status %d: is it a gateway?", url, r->status);
    return r->failure != TRANSFER_OK              ? CLI_UNREACHABLE
           : r->status == 401 || r->status == 403 ? CLI_NOT_ALLOWED
                                                  : CLI_FAILED;
}

static int get(struct reading *r, const struct cli *cli, const char *url)
{
    static const struct transfer_events events = { .on_head = on_head, .on_body = on_body, .on_done = on_done };
    const char *token = cli_option(cli, "token");
    struct buf address, bearer;
    struct dialer *dialer = loop_init(&r->loop) == 0 ? dialer_new(1) : NULL;
    if (dialer == NULL) {
        cli_say("cannot start: %s", strerror(errno));
        return CLI_FAILED;
    }
    buf_init(&address, 8 << 10);
    buf_printf(&address, "%s/metrics", url);
    buf_init(&bearer, 8 << 10);
    buf_printf(&bearer, "Bearer %s", token != NULL ? token : "");
    struct transfer_header header = { TEXT("Authorization"), buf_view(&bearer) };
    struct transfer_request request = { .method = TEXT("GET"),
                                        .url = buf_view(&address),
                                        .headers = &header,
                                        .header_count = token != NULL,
                                        .connect_ns = 10 * CLOCK_S,
                                        .first_byte_ns = 30 * CLOCK_S,
                                        .idle_ns = 30 * CLOCK_S,
                                        .max_body = METRICS_MOST };
    struct pool *pool = pool_new(&r->loop, dialer, &(struct pool_settings){ .idle_per_origin = 1 });
    transfer_start(pool, &request, &events, r);
    loop_run(&r->loop);
    dialer_free(dialer);
    pool_free(pool);
    loop_fini(&r->loop);
    buf_free(&address);
    buf_free(&bearer);
    return judge(r, url);
}

/* The screen, in the place of the one before where it goes to a terminal. */
static int show(const struct top_figures *before, const struct top_figures *now, const char *url)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    if (isatty(STDOUT_FILENO))
        buf_str(&out, "\033[H\033[J");
    else if (before->values.count > 0)
        buf_str(&out, "\n");
    top_figures_write(before, now, text_of(url), &out);
    return cli_print(&out);
}

static int read_figures(const struct cli *cli, const char *url, struct top_figures *figures)
{
    struct reading r = { .status = 0 };
    buf_init(&r.body, METRICS_MOST);
    int code = get(&r, cli, url);
    top_figures_read(figures, code == CLI_OK ? buf_view(&r.body) : TEXT_NONE, (double)clock_unix_ms() / 1e3);
    buf_free(&r.body);
    return code;
}

static int run(struct cli *cli)
{
    const char *said = cli_option(cli, "every");
    char *end = NULL;
    double every = said != NULL ? strtod(said, &end) : EVERY_USUAL_S;
    struct top_figures before, now;
    if (said != NULL && (end == said || *end != '\0' || !(every >= 0.1 && every <= EVERY_MOST_S)))
        return cli_usage(cli->verb, "--every takes seconds from 0.1 to %d, not \"%s\"", EVERY_MOST_S, said);
    struct timespec pause = { (time_t)every, (long)((every - (double)(time_t)every) * 1e9) };
    char *url = gateway_url(cli);
    top_figures_read(&before, TEXT_NONE, 0);
    int code = read_figures(cli, url, &now);
    while (code == CLI_OK && (code = show(&before, &now, url)) == CLI_OK && cli_option(cli, "once") == NULL) {
        top_figures_free(&before);
        before = now;
        nanosleep(&pause, NULL);
        code = read_figures(cli, url, &now);
    }
    top_figures_free(&before);
    top_figures_free(&now);
    free(url);
    return code;
}

const struct cli_verb verb_top = {
    .name = "top",
    .summary = "watch how fast a running gateway is asked, and how it fares",
    .arguments = "",
    .options = options,
    .notes =
        "From /metrics, for all and for each provider's model: requests and failures a second, tokens a second in and out, mean time\n"
        "to the first token and of a request, USD an hour; then the targets that get no requests, or few, and the models for which\n"
        "requests wait. The first screen has the means since the gateway's start, each later one those since the one before.\n"
        "Exit codes: 69 no gateway answers there, 77 it does not show its metrics, 1 any other error.\n",
    .run = run,
};
