/* test_control.c - the socket by which commands reach a running gateway. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "boot/control.h"
#include "check.h"

static int echo(void *owner, const struct json *ask, struct json_writer *answer, struct fail *fail)
{
    ++*(int *)owner;
    struct text word = json_str(json_member(ask, "word"));
    json_name(answer, "word");
    json_put_str(answer, word);
    return text_is(word, "no") ? fail_set(fail, FAIL_CLIENT, "this word is refused") : 0;
}

static int too_much(void *owner, const struct json *ask, struct json_writer *answer, struct fail *fail)
{
    char page[4096];
    (void)owner, (void)ask, (void)fail;
    memset(page, 'x', sizeof page);
    json_name(answer, "pages");
    json_array(answer);
    for (int i = 0; i < 300; i++)
        json_put_str(answer, (struct text){ page, sizeof page });
    json_close(answer);
    return 0;
}

struct place {
    char path[300];
    int calls;
    struct control_verb verbs[2];
    struct control *control;
    struct arena arena;
    struct fail fail;
};

static void begin(struct place *p)
{
    snprintf(p->path, sizeof p->path, "/tmp/gw-control-XXXXXX");
    cr_assert_not_null(mkdtemp(p->path));
    p->calls = 0;
    p->verbs[0] = (struct control_verb){ "echo", echo, &p->calls };
    p->verbs[1] = (struct control_verb){ "much", too_much, NULL };
    arena_init(&p->arena, NULL, 0, 4 << 20);
    json_start();
}

static void serve(struct place *p)
{
    p->control = control_open(p->path, p->verbs, 2, &p->fail);
    cr_assert_not_null(p->control, "%s", p->fail.text);
}

static void end(struct place *p)
{
    if (p->control != NULL)
        control_close(p->control);
    cr_assert_eq(rmdir(p->path), 0); /* the socket is gone */
    arena_fini(&p->arena);
}

static int ask(struct place *p, const char *question, const struct json **answer)
{
    p->fail.text[0] = '\0';
    return control_ask(p->path, text_of(question), &p->arena, answer, &p->fail);
}

Test(control, answers_what_it_is_asked)
{
    struct place p = { 0 };
    const struct json *answer;
    struct stat file;
    char socket_path[400];
    begin(&p);
    serve(&p);
    snprintf(socket_path, sizeof socket_path, "%s/control", p.path);
    cr_assert_eq(stat(socket_path, &file), 0);
    cr_assert(S_ISSOCK(file.st_mode) && (file.st_mode & 0777) == 0600);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ask(&p, "{\"verb\":\"echo\",\"word\":\"h\\u00e9 \\n\"}", &answer), 0, "%s", p.fail.text);
        cr_assert(text_is(json_str(json_member(answer, "word")), "h\xc3\xa9 \n"));
    }
    cr_assert_eq(p.calls, 3);
    end(&p);
}

Test(control, what_is_refused_comes_with_its_reason)
{
    struct place p = { 0 };
    const struct json *answer;
    begin(&p);
    serve(&p);
    cr_assert_eq(ask(&p, "{\"verb\":\"echo\",\"word\":\"no\"}", &answer), -1);
    cr_assert_str_eq(p.fail.text, "this word is refused");
    cr_assert_eq(ask(&p, "{\"verb\":\"ech\"}", &answer), -1);
    cr_assert_not_null(strstr(p.fail.text, "\"ech\""));
    cr_assert_eq(ask(&p, "[1,", &answer), -1);
    cr_assert_neq(p.fail.text[0], '\0');
    cr_assert_eq(ask(&p, "7", &answer), -1);
    cr_assert_eq(ask(&p, "{\"verb\":\"much\"}", &answer), -1);
    cr_assert_not_null(strstr(p.fail.text, "too long"));
    cr_assert_eq(p.calls, 1);
    cr_assert_eq(ask(&p, "{\"verb\":\"echo\",\"word\":\"yes\"}", &answer), 0); /* it goes on */
    end(&p);
}

Test(control, nobody_serves)
{
    struct place p = { 0 };
    const struct json *answer;
    begin(&p);
    cr_assert_eq(ask(&p, "{}", &answer), CONTROL_NOBODY);
    /* A process that was killed left its socket: nobody is behind it, and the next one takes its place. */
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/control", p.path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(dead, (const struct sockaddr *)&address, sizeof address), 0);
    close(dead);
    cr_assert_eq(ask(&p, "{}", &answer), CONTROL_NOBODY);
    serve(&p);
    cr_assert_eq(ask(&p, "{\"verb\":\"echo\",\"word\":\"a\"}", &answer), 0);
    end(&p);
    struct place none = { .path = "/tmp/gw-control-there-is-none" };
    arena_init(&none.arena, NULL, 0, 1 << 20);
    cr_assert_eq(ask(&none, "{}", &answer), CONTROL_NOBODY);
    cr_assert_null(control_open(none.path, none.verbs, 0, &none.fail));
    cr_assert_not_null(strstr(none.fail.text, none.path));
    arena_fini(&none.arena);
}

/* Somebody who connects and leaves, also in the middle of a question, keeps nobody else out. */
Test(control, a_question_that_is_cut_is_none)
{
    struct place p = { 0 };
    const struct json *answer;
    begin(&p);
    serve(&p);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/control", p.path);
    const char *const parts[] = { "", "{\"verb\":\"echo\",\"wo" };
    for (int i = 0; i < 2; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
        cr_assert_eq(write(fd, parts[i], strlen(parts[i])), (ssize_t)strlen(parts[i]));
        close(fd);
    }
    cr_assert_eq(ask(&p, "{\"verb\":\"echo\",\"word\":\"a\"}", &answer), 0, "%s", p.fail.text);
    cr_assert_eq(p.calls, 1);
    end(&p);
}

/* A folder's path may be longer than a socket's address can be. */
Test(control, a_long_path)
{
    struct place p = { 0 };
    const struct json *answer;
    char root[300];
    begin(&p);
    snprintf(root, sizeof root, "%s", p.path);
    memset(p.path + strlen(root), 'd', 200);
    p.path[strlen(root)] = '/';
    cr_assert_eq(mkdir(p.path, 0700), 0);
    serve(&p);
    cr_assert_eq(ask(&p, "{\"verb\":\"echo\",\"word\":\"a\"}", &answer), 0, "%s", p.fail.text);
    end(&p);
    rmdir(root);
}
