/* test_starts.c - a front that cannot start or cannot listen gives the reason, and leaves nothing behind. */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "check.h"
#include "flow/access.h"
#include "flow/metrics.h"
#include "house.h"
#include "http/front.h"
#include "scarce.h"

static struct house house;

static unsigned count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static char *read_file(const char *folder, const char *name)
{
    static char bytes[2][8192];
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    char *out = bytes[strcmp(name, "key.pem") == 0];
    out[fread(out, 1, sizeof bytes[0] - 1, file)] = '\0';
    fclose(file);
    return out;
}

static char *cert, *key;

/* Starts a front with that certificate and key (NULL: without TLS), and ends it. What it complains of; NULL: nothing. It
 * leaves no descriptor. */
static const char *start(const char *with_cert, const char *with_key)
{
    static struct fail fail;
    static char key_copy[8192]; /* is wiped with its configuration */
    struct worker *w = &house.worker;
    unsigned before = count_descriptors();

    memset(&house, 0, sizeof house);
    w->magic = WORKER_MAGIC;
    w->gateway = &house.gateway;
    w->config = config_new();
    if (with_cert != NULL)
        w->config->listen.cert_pem = text_of(with_cert);
    if (with_key != NULL) {
        snprintf(key_copy, sizeof key_copy, "%s", with_key);
        w->config->listen.key_pem = text_of(key_copy);
    }
    house.gateway.metrics = metrics_new(1);
    house.gateway.access = access_new(-1, 1);
    cr_assert_eq(loop_init(&w->loop), 0);
    int fd = front_listen(TEXT("127.0.0.1"), 0, &house.port, &fail);
    cr_assert_geq(fd, 0, "%s", fail.text);
    bool started = front_new(w, fd, &fail) != NULL;
    if (started)
        front_free(w->front);
    lack(&epolls, 0, 0);
    lack(&watches, 0, 0);
    loop_fini(&w->loop);
    access_free(house.gateway.access);
    metrics_free(house.gateway.metrics);
    config_unref(w->config);
    cr_assert_eq(count_descriptors(), before);
    cr_assert(started || fail.kind == FAIL_OPERATOR);
    return started ? NULL : fail.text;
}

Test(starts, a_front_that_cannot_start_says_so_and_leaves_nothing)
{
    crypto_start();
    cr_assert_null(start(NULL, NULL));
    for (int n = 0; n < 2; n++) { /* the loop's own is the first */
        lack(&epolls, 1, EMFILE);
        const char *why = start(NULL, NULL);
        cr_assert_not_null(why);
        cr_assert_not_null(strstr(why, "the HTTP server cannot start: "), "%s", why);
        cr_assert_not_null(strstr(why, strerror(EMFILE)), "%s", why);
    }
    for (int n = 1; n < 4; n++) { /* what MHD watches, what watches MHD, and the listener */
        lack(&watches, n, ENOSPC);
        const char *why = start(NULL, NULL);
        if (why != NULL)
            cr_assert(strstr(why, "cannot start") != NULL || strstr(why, strerror(ENOSPC)) != NULL, "%s", why);
    }
}

Test(starts, a_certificate_that_cannot_be_used_is_named)
{
    char folder[] = "/tmp/gw-cert-XXXXXX", line[512];
    const char *why;

    if (system("command -v openssl >/dev/null 2>&1") != 0)
        check_skip("openssl is not there");
    crypto_start();
    cr_assert_not_null(mkdtemp(folder));
    snprintf(
        line, sizeof line,
        "cd %s && for n in '' other-; do openssl ecparam -name prime256v1 -genkey -noout -out ${n}key.pem 2>/dev/null && "
        "openssl req -x509 -new -key ${n}key.pem -subj /CN=x -days 9 -out ${n}cert.pem 2>/dev/null; done",
        folder);
    cr_assert_eq(system(line), 0);
    cert = read_file(folder, "cert.pem");
    key = read_file(folder, "key.pem");
    cr_assert_null(start(cert, key));
    why = start("no certificate", key);
    cr_assert(why != NULL && strstr(why, "certificate") != NULL, "%s", why);
    why = start(cert, "no key");
    cr_assert(why != NULL && strstr(why, "certificate") != NULL, "%s", why);
    why = start(read_file(folder, "other-cert.pem"), key);
    cr_assert(why != NULL && strstr(why, "belong together") != NULL, "%s", why);
    cert = read_file(folder, "cert.pem");
    static const int errors[] = { EMFILE, ENFILE, ENOMEM }; /* not the certificate's fault */
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        lack(&epolls, 1, errors[i]);
        why = start(cert, key);
        cr_assert(why != NULL && strstr(why, "certificate") == NULL, "%s", why);
    }
    snprintf(line, sizeof line, "rm -r %s", folder);
    cr_assert_eq(system(line), 0);
}

/* ---- it listens ---- */

Test(starts, why_it_cannot_listen_names_the_place_and_what_to_do)
{
    static const struct {
        const char *address;
        int error;
        const char *why;
    } rows[] = {
        { "127.0.0.1", EADDRINUSE, "cannot listen on 127.0.0.1:8080: address in use" },
        { "127.0.0.1", EADDRINUSE, "(ss -ltnp shows which)" },
        { "127.0.0.1", EADDRINUSE, "end it or choose another port with --listen" },
        { "::1", EADDRINUSE, "cannot listen on [::1]:8080: address in use" },
        { "[::1]", EADDRINUSE, "cannot listen on [::1]:8080: address in use" },
        { "127.0.0.1", EACCES, "CAP_NET_BIND_SERVICE; choose another port with --listen" },
        { "127.0.0.1", EACCES, "cannot listen on 127.0.0.1:8080: ports below 1024" },
        { "127.0.0.1", EADDRNOTAVAIL, "cannot listen on 127.0.0.1:8080: this machine does not have that address" },
    };
    struct fail fail;
    uint16_t port;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned before = count_descriptors();

        lack(&binds, 0, rows[i].error);
        cr_assert_eq(front_listen(text_of(rows[i].address), 8080, &port, &fail), -1);
        lack(&binds, 0, 0);
        cr_assert_eq(fail.kind, FAIL_OPERATOR);
        if (rows[i].address[0] != '1' && strstr(fail.text, "not supported") != NULL)
            continue; /* a machine without IPv6 */
        cr_assert_not_null(strstr(fail.text, rows[i].why), "%s", fail.text);
        cr_assert_eq(count_descriptors(), before);
    }
    lack(&binds, 0, ENOMEM);
    cr_assert_eq(front_listen(TEXT("127.0.0.1"), 0, &port, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "cannot listen on 127.0.0.1:0: "), "%s", fail.text);
    cr_assert_not_null(strstr(fail.text, strerror(ENOMEM)), "%s", fail.text);
}

/* Somebody else's listener on a port that lies below and above of those that are ours. */
Test(starts, ports_of_others_are_not_taken_for_ours)
{
    struct fail fail;
    uint16_t ours, again;
    unsigned below = 0, above = 0;
    int fd = front_listen(TEXT("127.0.0.1"), 0, &ours, &fail);

    cr_assert_geq(fd, 0, "%s", fail.text);
    for (int i = 0; i < 50 && (ours < 36000 || ours > 57000); i++) { /* near an end of the range, one side has few */
        close(fd);
        fd = front_listen(TEXT("127.0.0.1"), 0, &ours, &fail);
        cr_assert_geq(fd, 0, "%s", fail.text);
    }
    for (int i = 0; i < 400 && (below == 0 || above == 0); i++) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof at;
        int other = socket(AF_INET, SOCK_STREAM, 0);

        setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
        cr_assert_eq(bind(other, (struct sockaddr *)&at, sizeof at), 0);
        cr_assert_eq(listen(other, 5), 0);
        getsockname(other, (struct sockaddr *)&at, &len);
        unsigned *side = ntohs(at.sin_port) < ours ? &below : &above;
        if ((*side)++ == 0)
            cr_assert_eq(front_listen(TEXT("127.0.0.1"), ntohs(at.sin_port), &again, &fail), -1);
        close(other);
    }
    cr_assert(below > 0 && above > 0);
    again = 0;
    int second = front_listen(TEXT("127.0.0.1"), ours, &again, &fail); /* another worker */
    cr_assert_geq(second, 0, "%s", fail.text);
    cr_assert_eq(again, ours);
    close(second);
    close(fd);
}
