/* test_tls.c - whom we trust, and the same exchanges over TLS. Keys and certificates are made here by the
 * openssl program; the server is its s_server, or Python where an answer must be scripted. */
#include "check.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "client.h"
#include "server.h"
#include "upstream/exchange_head.h"
#include "upstream/pool.h"

/* Answers GET /N with N bytes, POST with the body's length and sum; at its end writes how many bytes of
 * requests it saw to the file given. The certificate's name is an argument. */
static const char server_script[] =
    "import http.server, os, socket, ssl, sys, threading, time\n"
    "folder, name = sys.argv[1:3]\n"
    "log = open(folder + '/seen', 'a', buffering=1)\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "    protocol_version = 'HTTP/1.1'\n"
    "    def setup(self):\n"
    "        super().setup(); log.write('conn\\n')\n"
    "    def answer(self, body, head=()):\n"
    "        self.send_response(200)\n"
    "        self.send_header('Content-Length', str(len(body)))\n"
    "        for h in head: self.send_header(*h)\n"
    "        self.end_headers(); self.wfile.write(body)\n"
    "    def do_GET(self):\n"
    "        log.write('request\\n')\n"
    "        if self.path in ('/close', '/torn', '/rst'):\n"
    "            self.close_connection = True; self.send_response(200)\n"
    "            if self.path == '/rst': self.send_header('Content-Length', '10')\n"
    "            self.end_headers(); self.wfile.write(b'first'); time.sleep(0.2)\n"
    "            if self.path != '/rst': self.wfile.write(b'second')\n"
    "            if self.path == '/torn': return\n"
    "            if self.path == '/close':\n"
    "                try: return self.connection.unwrap()\n"
    "                except OSError: return\n"
    "            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\\1\\0\\0\\0\\0\\0\\0\\0')\n"
    "            return os.close(self.connection.detach())\n"
    "        n = int(self.path[1:]); self.answer(bytes(i * 7 % 251 for i in range(n)))\n"
    "    def do_POST(self):\n"
    "        log.write('request\\n')\n"
    "        n = int(self.headers['Content-Length']); b = self.rfile.read(n); s = 0\n"
    "        for c in b[::1000]: s = (s * 31 + c) % 2**32\n"
    "        self.answer(b'%d %d' % (len(b), s))\n"
    "    def log_message(self, *a): pass\n"
    "class S(http.server.ThreadingHTTPServer):\n"
    "    daemon_threads = True\n"
    "    def handle_error(self, *a): pass\n"
    "s = S(('127.0.0.1', 0), H)\n"
    "c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
    "c.load_cert_chain(folder + '/' + name + '.pem', folder + '/key.pem')\n"
    "s.socket = c.wrap_socket(s.socket, server_side=True, do_handshake_on_connect=False)\n"
    "print(s.server_address[1], flush=True)\n"
    "s.serve_forever()\n";

struct site {
    char folder[64], ca[80], url[64];
    pid_t pid;
};

static void shell(const char *format, const char *folder)
{
    char line[2048];

    snprintf(line, sizeof line, format, folder, folder, folder, folder, folder);
    cr_assert_eq(system(line), 0, "%s", line);
}

/* A CA and certificates: good, for another name, expired, and signed by itself. */
static void make_certificates(const char *folder)
{
    /* Name, subjectAltName, end. */
    static const char *const leaves[][3] = {
        { "good", "IP:127.0.0.1,DNS:localhost", "20491231000000Z" },
        { "other", "DNS:other.example", "20491231000000Z" },
        { "expired", "IP:127.0.0.1,DNS:localhost", "20200102000000Z" },
    };
    char line[2048];

    if (system("command -v openssl python3 >/dev/null 2>&1") != 0)
        check_skip("openssl or python3 is not there");
    shell("cd %s && openssl ecparam -name prime256v1 -genkey -noout -out key.pem 2>/dev/null &&"
          " openssl req -x509 -new -key key.pem -subj /CN=test-ca -days 9000 -out ca.pem 2>/dev/null &&"
          " openssl req -x509 -new -key key.pem -subj /CN=alone -addext subjectAltName=IP:127.0.0.1"
          " -days 9000 -out alone.pem 2>/dev/null &&"
          " openssl req -new -key key.pem -subj /CN=leaf -out leaf.csr 2>/dev/null &&"
          " printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=index\\nnew_certs_dir=.\\nserial=serial\\ndefault_md=sha256\\n"
          "policy=p\\nunique_subject=no\\ncopy_extensions=none\\n[p]\\ncommonName=supplied\\n' >ca.cnf &&"
          " touch index && echo 01 >serial",
          folder);
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        snprintf(
            line, sizeof line,
            "cd %s && echo subjectAltName=%s >ext && openssl ca -batch -config ca.cnf -cert ca.pem -keyfile key.pem"
            " -in leaf.csr -extfile ext -startdate 20200101000000Z -enddate %s -out %s.pem -notext 2>/dev/null",
            folder, leaves[i][1], leaves[i][2], leaves[i][0]);
        cr_assert_eq(system(line), 0, "%s", line);
    }
}

static void site_open(struct site *site, const char *certificate)
{
    int out[2];
    char port[16] = "";
    FILE *script, *said;

    setenv("no_proxy", "127.0.0.1,localhost", 1);
    snprintf(site->folder, sizeof site->folder, "/tmp/gw-tls-XXXXXX");
    cr_assert_not_null(mkdtemp(site->folder));
    make_certificates(site->folder);
    snprintf(site->ca, sizeof site->ca, "%s/server.py", site->folder);
    script = fopen(site->ca, "w");
    fputs(server_script, script);
    fclose(script);
    cr_assert_eq(pipe(out), 0);
    site->pid = fork();
    if (site->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not close it */
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execlp("python3", "python3", site->ca, site->folder, certificate, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    said = fdopen(out[0], "r");
    cr_assert_not_null(fgets(port, sizeof port, said), "the server did not start");
    fclose(said);
    snprintf(site->url, sizeof site->url, "https://127.0.0.1:%d", atoi(port));
    snprintf(site->ca, sizeof site->ca, "%s/ca.pem", site->folder);
}

/* How often the server wrote `word` down. */
static int site_seen(const struct site *site, const char *word)
{
    char path[128], line[64];
    int count = 0;
    FILE *seen;

    snprintf(path, sizeof path, "%s/seen", site->folder);
    seen = fopen(path, "r");
    while (seen != NULL && fgets(line, sizeof line, seen) != NULL)
        count += strncmp(line, word, strlen(word)) == 0;
    if (seen != NULL)
        fclose(seen);
    return count;
}

static void site_close(struct site *site)
{
    kill(site->pid, SIGKILL);
    waitpid(site->pid, NULL, 0);
    shell("rm -rf %s", site->folder);
}

/* One GET; what became of it, with 0 bytes of a request seen when it is a failure. */
static enum transfer_failure get_once(const struct site *site, const char *url, const char *ca_file)
{
    const struct pool_settings settings = { .ca_file = ca_file };
    struct client *c = client_new(2, &settings);
    enum transfer_failure failure;
    struct exchange e;

    client_get(&e, c, url, "/5");
    failure = e.failure;
    if (failure != TRANSFER_OK) {
        cr_assert_eq(site_seen(site, "request"), 0, "a request was sent");
        cr_assert_eq(e.heads, 0);
    }
    exchange_fini(&e);
    client_free(c);
    return failure;
}

static enum transfer_failure get_from(const char *certificate, bool with_ca)
{
    enum transfer_failure failure;
    struct site site;

    site_open(&site, certificate);
    failure = get_once(&site, site.url, with_ca ? site.ca : NULL);
    site_close(&site);
    return failure;
}

Test(tls, trusts_whom_it_should)
{
    cr_assert_eq(get_from("good", true), TRANSFER_OK);
}

Test(tls, sends_nothing_to_an_unknown_authority)
{
    cr_assert_eq(get_from("good", false), TRANSFER_CONNECT);
}

Test(tls, sends_nothing_to_another_name)
{
    cr_assert_eq(get_from("other", true), TRANSFER_CONNECT);
}

Test(tls, sends_nothing_to_an_expired_certificate)
{
    cr_assert_eq(get_from("expired", true), TRANSFER_CONNECT);
}

Test(tls, sends_nothing_to_a_self_signed_certificate)
{
    cr_assert_eq(get_from("alone", true), TRANSFER_CONNECT);
}

Test(tls, sends_nothing_where_no_tls_is_spoken)
{
    struct site site;
    char url[80];

    site_open(&site, "good");
    snprintf(url, sizeof url, "http%s", site.url + 5);
    cr_assert_neq(get_once(&site, url, site.ca), TRANSFER_OK); /* plain to a TLS port: an alert, not HTTP */
    site_close(&site);
}

/* What comes of a body that ends after a pause: with the connection, or with a reset. */
static struct exchange get_after_a_pause(const char *path)
{
    struct site site;
    struct pool_settings settings = { .ca_file = NULL };
    struct client *c;
    struct exchange e;

    site_open(&site, "good");
    settings.ca_file = site.ca;
    c = client_new(2, &settings);
    client_get(&e, c, site.url, path);
    cr_assert_eq(pool_idle(c->pool), 0);
    client_free(c);
    site_close(&site);
    exchange_fini(&e);
    return e;
}

Test(tls, waits_for_the_end_of_the_connection_and_notices_a_reset)
{
    int64_t begin_ns = clock_ns();
    struct exchange e = get_after_a_pause("/close");

    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    cr_assert_eq(e.received, 11);
    e = get_after_a_pause("/torn"); /* no close of TLS's own: there may have been more */
    cr_assert_eq(e.failure, TRANSFER_CUT, "%s", transfer_failure_name(e.failure));
    e = get_after_a_pause("/rst");
    cr_assert_eq(e.failure, TRANSFER_CUT, "%s", transfer_failure_name(e.failure));
    cr_assert_eq(e.received, 5);
    cr_assert_str_eq(e.why, "the connection broke");
    cr_assert_lt(clock_ns() - begin_ns, 8 * CLOCK_S, "it was a time-out that noticed");
}

Test(tls, uses_a_connection_again_and_reads_large_answers)
{
    struct site site;
    struct pool_settings settings = { .ca_file = NULL };
    struct client *c;

    site_open(&site, "good");
    settings.ca_file = site.ca;
    c = client_new(2, &settings);
    for (int i = 0; i < 12; i++) {
        static const size_t sizes[] = { 0, 1, 1000, 16384, 70000, 1000000 };
        size_t size = sizes[i % 6];
        uint32_t sum = 0;
        struct exchange e;
        char path[32];

        for (size_t at = 0; at < size; at++) {
            char byte = (char)(at * 7 % 251);
            sum = client_sum(sum, &byte, 1);
        }
        snprintf(path, sizeof path, "/%zu", size);
        exchange_init(&e, c, site.url, path);
        e.keep_body = false;
        client_start(&e);
        client_run(c);
        cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
        cr_assert_eq(e.received, size);
        cr_assert_eq(e.sum, sum);
        exchange_fini(&e);
        client_nap(c, 20); /* session tickets come while it is idle: it stays */
        cr_assert_eq(pool_idle(c->pool), 1);
    }
    cr_assert_eq(site_seen(&site, "conn"), 1);
    client_free(c);
    site_close(&site);
}

/* Head and body fill two records, and one byte is left for a third. */
static void send_with_one_byte_left(struct client *c, const char *url, const char *bytes)
{
    static char head[HEAD_MAX];
    struct text body = { bytes, 20000 }; /* a length of as many digits */
    struct address address;
    struct exchange e;
    const char *why;
    size_t idle = pool_idle(c->pool);

    exchange_init(&e, c, url, "/");
    e.request.method = TEXT("POST");
    e.request.body = &body;
    e.request.body_count = 1;
    cr_assert_eq(address_parse(e.request.url, &address, &why), 0);
    body.len = 2 * WIRE_SCRATCH + 1 - (size_t)exchange_head_write(head, &e.request, &address, &why);
    client_start(&e);
    client_run(c);
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    cr_assert_eq(strtoul(e.body.ptr, NULL, 10), body.len);
    cr_assert_eq(pool_idle(c->pool), idle, "all of it was sent: it may be used again");
    exchange_fini(&e);
}

Test(tls, sends_large_bodies_in_many_pieces)
{
    size_t len = (size_t)6 << 20;
    char *bytes = malloc(len), expected[64];
    struct text pieces[3];
    uint32_t sum = 0;
    struct site site;
    struct pool_settings settings = { .ca_file = NULL };
    struct client *c;

    site_open(&site, "good");
    settings.ca_file = site.ca;
    c = client_new(2, &settings);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 13 >> 5);
    for (size_t i = 0; i < len; i += 1000)
        sum = client_sum(sum, bytes + i, 1);
    pieces[0] = (struct text){ bytes, 7 };
    pieces[1] = (struct text){ bytes + 7, 20000 };
    pieces[2] = (struct text){ bytes + 20007, len - 20007 };
    for (int i = 0; i < 3; i++) {
        struct exchange e[3];

        /* Several at once: all send through the same scratch memory. */
        for (int k = 0; k < 3; k++) {
            exchange_init(&e[k], c, site.url, "/");
            e[k].request.method = TEXT("POST");
            e[k].request.body = pieces;
            e[k].request.body_count = 3;
            client_start(&e[k]);
        }
        client_run(c);
        snprintf(expected, sizeof expected, "%zu %u", len, sum);
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(e[k].failure, TRANSFER_OK, "%s", e[k].why);
            cr_assert(text_is(buf_view(&e[k].body), expected), "%.*s", TEXT_ARG(buf_view(&e[k].body)));
            exchange_fini(&e[k]);
        }
    }
    send_with_one_byte_left(c, site.url, bytes);
    cr_assert_leq(site_seen(&site, "conn"), 3);
    client_free(c);
    site_close(&site);
    free(bytes);
}

Test(tls, reads_what_is_buffered_when_it_goes_on_after_a_pause)
{
    struct site site;
    struct pool_settings settings = { .ca_file = NULL };
    struct client *c;
    struct exchange e;

    site_open(&site, "good");
    settings.ca_file = site.ca;
    c = client_new(2, &settings);
    exchange_init(&e, c, site.url, "/400000");
    e.keep_body = false;
    e.pause_at = AT_BODY;
    client_start(&e);
    while (e.received == 0)
        client_nap(c, 5);
    for (int i = 0; i < 100 && e.transfer != NULL; i++) {
        size_t last = e.received;

        transfer_resume(e.transfer);
        for (int waits = 0; waits < 400 && e.received == last && e.transfer != NULL; waits++)
            client_nap(c, 5);
        cr_assert(e.received > last || e.transfer == NULL, "stuck at %zu", last);
    }
    e.pause_at = NEVER;
    if (e.transfer != NULL)
        transfer_resume(e.transfer);
    client_run(c);
    cr_assert_eq(e.failure, TRANSFER_OK, "%s", e.why);
    cr_assert_eq(e.received, 400000);
    exchange_fini(&e);
    client_free(c);
    site_close(&site);
}
