/* test_starter.c - programs that the starter starts: what they get, what of them is reported, who ends whom. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/starter.h"
#include "check.h"

static char *const no_variables[] = { NULL };

/* Starts `sh -c SCRIPT` with the other side of the returned socket as descriptor 3. */
static int start_script(const char *script, char *const envp[], pid_t *pid)
{
    struct fail fail;
    int pair[2];
    char *const argv[] = { "sh", "-c", (char *)(uintptr_t)script, NULL };
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    *pid = starter_run("/bin/sh", argv, envp, &pair[1], 1, &fail);
    cr_assert_gt(*pid, 0, "%s", fail.text);
    close(pair[1]);
    return pair[0];
}

/* All that the program writes until it has ended. */
static void read_all(int fd, char *into, size_t size)
{
    size_t used = 0;
    ssize_t got;
    while (used + 1 < size && (got = read(fd, into + used, size - 1 - used)) > 0)
        used += (size_t)got;
    into[used] = '\0';
    close(fd);
}

Test(starter, gives_a_program_its_arguments_variables_and_descriptors)
{
    struct fail fail;
    char text[256];
    pid_t pid;
    char *const envp[] = { "A=one two", "B=", NULL };
    setenv("GW_TEST_SECRET", "sk-secret", 1);
    cr_assert_eq(starter_begin(&fail), 0);
    int fd = start_script("echo \"$A,${B-none},${GW_TEST_SECRET-none}\" >&3; exec ls /proc/self/fd >&3", envp, &pid);
    read_all(fd, text, sizeof text); /* 4 is the folder that ls reads */
    cr_assert_str_eq(text, "one two,,none\n0\n1\n2\n3\n4\n");
    starter_end();
}

Test(starter, lays_descriptors_that_lie_across_each_other)
{
    struct fail fail;
    char text[64];
    int one[2], two[2];
    cr_assert_eq(starter_begin(&fail), 0);
    cr_assert_eq(pipe2(one, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(two, O_CLOEXEC), 0);
    char *const argv[] = { "sh", "-c", "echo first >&3; echo second >&4", NULL };
    for (int round = 0; round < 2; round++) {
        const int fds[] = { round == 0 ? one[1] : two[1], round == 0 ? two[1] : one[1] };
        cr_assert_gt(starter_run("/bin/sh", argv, no_variables, fds, 2, &fail), 0, "%s", fail.text);
        cr_assert_eq(read(one[0], text, sizeof text), round == 0 ? 6 : 7);
        cr_assert_eq(read(two[0], text, sizeof text), round == 0 ? 7 : 6);
    }
    starter_end();
}

Test(starter, reports_why_a_program_does_not_run)
{
    struct fail fail;
    char *const argv[] = { "x", NULL };
    cr_assert_eq(starter_begin(&fail), 0);
    cr_assert_eq(starter_run("/nowhere/x", argv, no_variables, NULL, 0, &fail), -1);
    cr_assert_str_eq(fail.text, "/nowhere/x cannot be started: No such file or directory");
    cr_assert_eq(starter_run("/dev/null", argv, no_variables, NULL, 0, &fail), -1);
    cr_assert_str_eq(fail.text, "/dev/null cannot be started: Permission denied");
    pid_t pid;
    close(start_script(":", no_variables, &pid)); /* the starter goes on */
    starter_end();
}

Test(starter, refuses_more_text_than_fits)
{
    struct fail fail;
    static char large[STARTER_TEXT_MOST];
    memset(large, 'x', sizeof large - 1);
    char *const argv[] = { "sh", large, NULL };
    cr_assert_eq(starter_begin(&fail), 0);
    cr_assert_eq(starter_run("/bin/sh", argv, no_variables, NULL, 0, &fail), -1);
    cr_assert_str_eq(fail.text, "/bin/sh cannot be started: Argument list too long");
    starter_end();
}

Test(starter, ends_its_own_programs_and_nobody_elses)
{
    struct fail fail;
    char byte;
    pid_t pid, ended;
    cr_assert_eq(starter_begin(&fail), 0);
    int fd = start_script("exec sleep 60", no_variables, &pid);
    int other = start_script("exit 0", no_variables, &ended);
    cr_assert_eq(read(other, &byte, 1), 0);
    cr_assert_eq(starter_kill(getpid()), -1);
    for (int i = 0; i < 500 && starter_kill(ended) == 0; i++)
        usleep(2000); /* its end is seen a moment later */
    cr_assert_eq(starter_kill(ended), -1);
    cr_assert_eq(starter_kill(pid), 0);
    cr_assert_eq(read(fd, &byte, 1), 0, "the program has not ended");
    starter_end();
}

Test(starter, leaves_programs_running_at_its_end)
{
    struct fail fail;
    pid_t pid;
    char text[64];
    cr_assert_eq(starter_begin(&fail), 0);
    int fd = start_script("read word <&3; echo \"got $word\" >&3", no_variables, &pid);
    starter_end();
    cr_assert_eq(write(fd, "it\n", 3), 3);
    read_all(fd, text, sizeof text);
    cr_assert_str_eq(text, "got it\n");
}

/* A killed gateway closes its side, and that is all the starter waits for. */
Test(starter, ends_with_the_process_that_made_it)
{
    int left[2];
    char byte;
    cr_assert_eq(pipe(left), 0);
    pid_t gateway = fork();
    if (gateway == 0) {
        struct fail fail;
        close(left[0]);
        if (dup2(left[1], 2) < 0 || starter_begin(&fail) < 0) /* the starter keeps standard error: it is our witness */
            _exit(1);
        raise(SIGKILL);
    }
    close(left[1]);
    waitpid(gateway, NULL, 0);
    struct pollfd end = { .fd = left[0], .events = POLLIN };
    cr_assert_eq(poll(&end, 1, 10000), 1);
    cr_assert_eq(read(left[0], &byte, 1), 0);
}

Test(starter, has_defaults_for_signals_whatever_the_gateway_ignores)
{
    struct fail fail;
    char text[64];
    pid_t pid;
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(starter_begin(&fail), 0);
    int fd = start_script("grep -E '^Sig(Blk|Ign)' /proc/$$/status | tr -d '\\n\\t' >&3", no_variables, &pid);
    read_all(fd, text, sizeof text);
    cr_assert_str_eq(text, "SigBlk:0000000000000000SigIgn:0000000000000000");
    starter_end();
}

Test(starter, is_missed_by_name_when_it_was_killed)
{
    struct fail fail;
    pid_t pid;
    char text[64], *const argv[] = { "sh", NULL };
    cr_assert_eq(starter_begin(&fail), 0);
    int fd = start_script("echo $PPID >&3", no_variables, &pid);
    read_all(fd, text, sizeof text);
    cr_assert_eq(kill((pid_t)atoi(text), SIGKILL), 0);
    while (starter_run("/bin/sh", argv, no_variables, NULL, 0, &fail) > 0)
        usleep(1000);
    cr_assert(strstr(fail.text, "restart the gateway") != NULL, "%s", fail.text);
    starter_end();
}
