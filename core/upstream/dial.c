/* dial.c - libcurl connects and encrypts; it is not asked to speak HTTP (see performance.md).
 *
 * Each dialling has a multi handle of its own: curl_easy_recv() walks over all connections of the multi
 * handle (7.88 to 8.14), and the wire moves to another thread. The easy handle stays in it: libcurl ends a
 * CURLOPT_CONNECT_ONLY connection when its handle is removed (curl.se, CURLOPT_CONNECT_ONLY, 2026-11).
 * curl_multi_socket_action() is not used: its table of sockets would stay with each TLS wire, 29 KB in 7.88.
 * The sockets are known, for open_socket() makes them; what else libcurl waits for (its thread that looks up
 * a name) it asks to be called for in time. */
#include "upstream/dial_inside.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/trust.h"

_Static_assert(sizeof((struct dial *)0)->why >= CURL_ERROR_SIZE, "libcurl writes its reason there");

#define LOOK_MS 50 /* how often a name that is looked up is asked for, at least */

static pthread_once_t started = PTHREAD_ONCE_INIT;
static const char *system_file; /* the system's authorities; NULL: libcurl knows no such file */
static CURLSH *share;           /* DNS answers and TLS sessions, of all threads, until the process ends */
static pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];

static void lock_share(CURL *curl, curl_lock_data data, curl_lock_access access, void *arg)
{
    (void)curl, (void)access, (void)arg;
    pthread_mutex_lock(&share_locks[data]);
}

static void unlock_share(CURL *curl, curl_lock_data data, void *arg)
{
    (void)curl, (void)arg;
    pthread_mutex_unlock(&share_locks[data]);
}

static void start(void)
{
    struct sigaction pipe;

    /* CURLOPT_NOSIGNAL leaves it to us that TLS may write to a closed socket. */
    if (sigaction(SIGPIPE, NULL, &pipe) == 0 && pipe.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
    BUG_IF(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK);
    system_file = curl_version_info(CURLVERSION_NOW)->cainfo;
    if (system_file != NULL && access(system_file, R_OK) < 0)
        system_file = NULL;
    for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&share_locks[i], NULL);
    share = curl_share_init();
    BUG_IF(share == NULL);
    curl_share_setopt(share, CURLSHOPT_LOCKFUNC, lock_share);
    curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, unlock_share);
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

void dial_start(void)
{
    pthread_once(&started, start);
}

struct dial *dial_new(struct text origin, const char *ca_file, int64_t connect_ns)
{
    size_t ca_len = ca_file != NULL ? strlen(ca_file) + 1 : 0;
    struct dial *d = calloc(1, sizeof *d + origin.len + 1 + ca_len);

    BUG_IF(d == NULL);
    d->wire = WIRE_CLOSED;
    d->sockets = -1;
    d->connect_ns = connect_ns;
    d->origin = (char *)(d + 1);
    memcpy(d->origin, origin.ptr, origin.len);
    if (ca_file != NULL)
        d->ca_file = memcpy(d->origin + origin.len + 1, ca_file, ca_len);
    return d;
}

void dial_free(struct dial *d)
{
    dial_wire_close(&d->wire);
    free(d);
}

static bool is_forbidden_v4(const uint8_t *address)
{
    return address[0] == 169 && address[1] == 254;
}

bool dial_is_forbidden(const struct sockaddr *address)
{
    static const uint8_t translated[12] = { 0x00, 0x64, 0xff, 0x9b };                    /* RFC 6052 */
    static const uint8_t aws[16] = { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 }; /* its metadata on IPv6 */
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        return is_forbidden_v4((const uint8_t *)&v4.sin_addr);
    }
    if (address->sa_family != AF_INET6)
        return true;
    memcpy(&v6, address, sizeof v6);
    const uint8_t *bytes = v6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) || memcmp(bytes, aws, 16) == 0)
        return true;
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) || IN6_IS_ADDR_V4COMPAT(&v6.sin6_addr) ||
        memcmp(bytes, translated, 12) == 0)
        return is_forbidden_v4(bytes + 12);
    return false;
}

/* libcurl asks for a socket to a resolved address: the last moment at which it can be looked at. TCP_NODELAY it sets by
 * itself. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct dial *d = arg;
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
    int fd;

    (void)purpose;
    d->looked_up = true;
    d->refused = dial_is_forbidden(&address->addr);
    if (d->refused)
        return CURL_SOCKET_BAD;
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (epoll_ctl(d->sockets, EPOLL_CTL_ADD, fd, &event) < 0) { /* leaves it when libcurl closes it */
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

static bool is_tls(const struct dial *d)
{
    return text_starts_nocase(text_of(d->origin), TEXT("https:"));
}

static CURLcode set_trust(CURL *curl, void *ssl_ctx, void *file)
{
    (void)curl;
    return trust_file(ssl_ctx, file) == 0 ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

/* The authorities of `ca_file`, or else the system's: of one file and nothing else, read once (trust.h). libcurl would
 * read them anew for each connection. */
static void configure_trust(CURL *curl, const struct dial *d)
{
    const char *file = d->ca_file != NULL ? d->ca_file : system_file;

    if (file == NULL)
        return; /* what libcurl finds by itself */
    if (curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, set_trust) != CURLE_OK) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, file); /* not over OpenSSL: libcurl reads it */
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
        return;
    }
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)file);
    curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
}

static void configure(CURL *curl, struct dial *d)
{
    int64_t left_ms = (d->due_ns - clock_ns()) / CLOCK_MS;

    curl_easy_setopt(curl, CURLOPT_URL, d->origin);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, d->why);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, d->multi);
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* never waits for a look-up that is not needed any more */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* ALPN */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, left_ms > 0 ? (long)left_ms : 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_SHARE, share);
    curl_easy_setopt(curl, CURLOPT_DNS_CACHE_TIMEOUT, d->asks_anew ? 0L : (long)(DIAL_NAME_NS / CLOCK_S));
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, d);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L); /* an answer may take minutes; NAT forgets sooner */
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, 60L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, 30L);
    if (!is_tls(d)) {
        /* A proxy for plain HTTP is no tunnel: it would have to be spoken to in another way. */
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        return;
    }
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 1024L); /* stays with the handle; we read into our own */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    configure_trust(curl, d);
}

static void free_handles(CURLM *multi, CURL *easy)
{
    if (multi != NULL && easy != NULL)
        curl_multi_remove_handle(multi, easy);
    if (easy != NULL)
        curl_easy_cleanup(easy);
    if (multi != NULL)
        curl_multi_cleanup(multi);
}

bool dial_begin(struct dial *d)
{
    d->multi = curl_multi_init();
    d->easy = curl_easy_init();
    if (d->multi == NULL || d->easy == NULL) {
        dial_give_up(d, "out of memory, or of descriptors");
        return false;
    }
    configure(d->easy, d);
    BUG_IF(curl_multi_add_handle(d->multi, d->easy) != CURLM_OK);
    return true;
}

void dial_give_up(struct dial *d, const char *why)
{
    free_handles(d->multi, d->easy);
    d->multi = d->easy = NULL;
    snprintf(d->why, sizeof d->why, "%s", why);
}

/* libcurl has ended: with a connection, which becomes the wire, or without one. */
static void finish(struct dial *d, CURLcode code)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    char why[sizeof d->why];

    curl_easy_setopt(d->easy, CURLOPT_ERRORBUFFER, NULL); /* the handle may outlive both */
    curl_easy_setopt(d->easy, CURLOPT_OPENSOCKETFUNCTION, NULL);
    if (code != CURLE_OK) {
        d->timed_out = code == CURLE_OPERATION_TIMEDOUT;
        snprintf(why, sizeof why, "%s",
                 d->refused          ? "the host's address is link-local: refused"
                 : d->why[0] != '\0' ? d->why
                                     : curl_easy_strerror(code));
        dial_give_up(d, why);
        return;
    }
    curl_easy_getinfo(d->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (is_tls(d) && fd != CURL_SOCKET_BAD) {
        d->wire = (struct wire){ .tls = d->easy, .fd = fd };
        d->easy = d->multi = NULL;
        return;
    }
    if (fd != CURL_SOCKET_BAD)
        d->wire.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* libcurl closes its own descriptor of the socket, not ours */
    snprintf(why, sizeof why, "no socket: %s", strerror(errno));
    dial_give_up(d, d->wire.fd < 0 ? why : "");
}

bool dial_step(struct dial *d, int64_t *wait_ns)
{
    struct epoll_event seen[8];
    const CURLMsg *message;
    int count;
    long ms = -1;

    do /* what was reported, so that it is not reported again; anything newer is a new edge */
        count = epoll_wait(d->sockets, seen, 8, 0);
    while (count == 8);
    BUG_IF(curl_multi_perform(d->multi, &count) != CURLM_OK);
    message = curl_multi_info_read(d->multi, &count);
    if (message != NULL && message->msg == CURLMSG_DONE) {
        finish(d, message->data.result);
        return true;
    }
    curl_multi_timeout(d->multi, &ms);
    if (!d->looked_up && (ms < 0 || ms > LOOK_MS))
        ms = LOOK_MS; /* no socket of ours reports that the name is found */
    *wait_ns = ms < 0 ? -1 : ms * CLOCK_MS;
    return false;
}

/* The end of a TLS connection without TLS's own close: libcurl 7.88 takes it for a good one, 8.14 does not. */
static bool was_cut(CURL *curl)
{
    struct curl_tlssessioninfo *tls = NULL;

    return curl_easy_getinfo(curl, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls != NULL &&
           tls->backend == CURLSSLBACKEND_OPENSSL && tls->internals != NULL && !trust_saw_close(tls->internals);
}

ssize_t dial_wire_recv(struct wire *w, void *out, size_t len)
{
    size_t got = 0;
    CURLcode code;
    ssize_t n;

    if (w->tls == NULL) {
        do
            n = recv(w->fd, out, len, 0);
        while (n < 0 && errno == EINTR);
        return n;
    }
    code = curl_easy_recv(w->tls, out, len, &got);
    if (code == CURLE_OK && (got > 0 || !was_cut(w->tls)))
        return (ssize_t)got;
    errno = code == CURLE_AGAIN ? EAGAIN : EIO;
    return -1;
}

static ssize_t send_plain(struct wire *w, const struct iovec *pieces, int count)
{
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = (size_t)count };
    ssize_t n;

    do
        n = sendmsg(w->fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n;
}

ssize_t dial_wire_send(struct wire *w, const struct iovec *pieces, int count, char *scratch)
{
    size_t len = 0, sent = 0;
    CURLcode code;

    if (w->tls == NULL)
        return send_plain(w, pieces, count);
    /* Head and body in one record: a packet and a system call less for each piece. */
    for (int i = 0; i < count && len < WIRE_SCRATCH; i++) {
        size_t part = pieces[i].iov_len < WIRE_SCRATCH - len ? pieces[i].iov_len : WIRE_SCRATCH - len;

        memcpy(scratch + len, pieces[i].iov_base, part);
        len += part;
    }
    code = curl_easy_send(w->tls, scratch, len, &sent);
    if (code == CURLE_OK && sent > 0)
        return (ssize_t)sent;
    errno = code == CURLE_AGAIN || code == CURLE_OK ? EAGAIN : EIO;
    return -1;
}

void dial_wire_close(struct wire *w)
{
    char *multi = NULL;

    if (w->tls != NULL) {
        curl_easy_getinfo(w->tls, CURLINFO_PRIVATE, &multi);
        free_handles((CURLM *)(void *)multi, w->tls);
    } else if (w->fd >= 0) {
        close(w->fd);
    }
    *w = WIRE_CLOSED;
}
