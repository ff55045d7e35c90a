/* alert.c - JSON of who has spent how much, POSTed until somebody takes it, a few times. */
#include "boot/alert.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "money/ledger.h"
#include "money/nano.h"
#include "upstream/post.h"

enum { AT_ONCE = 16, TRIES = 4 };

struct alert {
    struct ledger *ledger;
    char *ca_file; /* NULL: the system's */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool ending;
};

static void put_usd(struct json_writer *w, const char *name, int64_t nano)
{
    char usd[NANO_TEXT];
    json_key_plain(w, text_of(name));
    json_put_str(w, text_of(nano_write(nano, 0, usd)));
}

static void put_time(struct json_writer *w, const char *name, int64_t unix_s)
{
    char stamp[32];
    clock_rfc3339(unix_s * 1000, stamp);
    json_key_plain(w, text_of(name));
    json_put_str(w, text_of(stamp));
}

static void write_alert(const struct ledger_alert *a, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "event");
    json_put_str(&w, TEXT("budget_alert"));
    json_name(&w, "account");
    json_put_str(&w, text_of(a->kind));
    json_name(&w, "id");
    json_put_str(&w, text_of(a->id));
    json_name(&w, "per");
    json_put_str(&w, text_of(period_name(a->period)));
    put_usd(&w, "limit_usd", a->limit);
    put_usd(&w, "spent_usd", a->spent);
    put_usd(&w, "mark_usd", a->mark);
    if (a->percent > 0) {
        json_name(&w, "mark_percent");
        json_put_int(&w, a->percent);
    }
    if (a->ends_s < INT64_MAX) {
        put_time(&w, "period_begins", a->begins_s);
        put_time(&w, "period_ends", a->ends_s);
    }
    json_close(&w);
    json_end(&w);
}

/* False: the gateway ends. */
static bool wait_s(struct alert *alert, unsigned seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until); /* the wall clock may be set back */
    until.tv_sec += seconds;
    pthread_mutex_lock(&alert->mutex);
    while (!alert->ending && pthread_cond_timedwait(&alert->wake, &alert->mutex, &until) == 0)
        continue;
    bool goes_on = !alert->ending;
    pthread_mutex_unlock(&alert->mutex);
    return goes_on;
}

static void send_one(struct alert *alert, const struct ledger_alert *a)
{
    const char *why = NULL;
    struct buf body;
    buf_init(&body, 8 << 10);
    write_alert(a, &body);
    int result = -1;
    for (unsigned i = 0; i < TRIES && result < 0; i++) {
        if (i > 0 && !wait_s(alert, i * i))
            break;
        result = post_json(a->url, alert->ca_file, buf_view(&body), &why);
    }
    if (result < 0) /* the URL is a secret */
        log_line(LOG_WARN, "budget: the alert of %s \"%s\" could not be sent: %s", a->kind, a->id, why);
    buf_free(&body);
}

static void *run(void *arg)
{
    struct alert *alert = arg;
    struct ledger_alert found[AT_ONCE];
    while (wait_s(alert, 1)) {
        size_t count = ledger_take_alerts(alert->ledger, false, found, AT_ONCE);
        for (size_t i = 0; i < count; i++) {
            send_one(alert, &found[i]);
            free(found[i].url);
        }
    }
    return NULL;
}

struct alert *alert_start(struct ledger *ledger, const struct config *config, const struct accounts_rule *rules,
                          size_t count)
{
    bool needed = false;
    for (size_t i = 0; i < count; i++)
        needed = needed || rules[i].terms->alert != NULL;
    if (!needed)
        return NULL;
    struct alert *alert = calloc(1, sizeof *alert);
    BUG_IF(alert == NULL);
    alert->ledger = ledger;
    alert->ca_file = config->ca_file != NULL ? strdup(config->ca_file) : NULL;
    struct ledger_alert none;
    pthread_condattr_t monotonic;
    ledger_take_alerts(ledger, true, &none, 1);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    BUG_IF(pthread_mutex_init(&alert->mutex, NULL) != 0 || pthread_cond_init(&alert->wake, &monotonic) != 0);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&alert->thread, NULL, run, alert) == 0)
        return alert;
    log_line(LOG_ERROR, "cannot start the thread that sends alerts");
    free(alert->ca_file);
    free(alert);
    return NULL;
}

void alert_stop(struct alert *alert)
{
    pthread_mutex_lock(&alert->mutex);
    alert->ending = true;
    pthread_cond_signal(&alert->wake);
    pthread_mutex_unlock(&alert->mutex);
    pthread_join(alert->thread, NULL);
    pthread_cond_destroy(&alert->wake);
    pthread_mutex_destroy(&alert->mutex);
    free(alert->ca_file);
    free(alert);
}
