// SPDX-License-Identifier: GPL-2.0
/*
 * pressure ARGS... : PROGRAM ARGS...
 *
 * Runs PROGRAM with stress-ng ARGS beside it: started before, ended behind it. What
 * became of stress-ng is a record of its own on the results port, for the judge:
 * exit status, or the signal that ended it, whether it was asked to end, and what
 * each stressor has done. The exit status is PROGRAM's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STRESS_NG	"/bin/stress-ng"
#define YAML		"/tmp/pressure.yaml"
#define LOG		"/tmp/pressure.log"
#define STRESS_NICE	10	/* a ninth of the share of what is not nice */
#define MAX_ARGS	64
/* It has children to end and memory to give back, on a machine that is busy. */
#define END_SECONDS	60
#define LOG_LINES	40

static pid_t start_stress(char **args, int nr)
{
	char *argv[MAX_ARGS + 12] = {
		STRESS_NG, "--timeout", "0", "--metrics", "--yaml", YAML, "--temp-path", "/tmp",
		"--no-rand-seed",
	};
	pid_t pid;
	int fd;

	memcpy(argv + 9, args, nr * sizeof(*args));
	pid = fork();
	if (pid)
		return pid;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It is to press: with an equal share it takes the machine, and nothing is tortured */
	nice(STRESS_NICE);
	fd = open(LOG, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execv(STRESS_NG, argv);
	dprintf(fd, "%s: %s\n", STRESS_NG, strerror(errno));
	_exit(127);
}

static pid_t start_program(char **argv)
{
	char path[256];
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(path, sizeof(path), "/bin/%s", argv[0]);
	execv(path, argv);
	printf("# %s: %s\n", path, strerror(errno));
	fflush(stdout);
	_exit(127);
}

/* Asks for its end, and kills it when it does not come. False: it had to be killed. */
static bool end_stress(pid_t pid, int *status)
{
	const struct timespec tick = { .tv_nsec = 100000000 };
	int i;

	kill(pid, SIGINT);
	for (i = 0; i < END_SECONDS * 10; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		nanosleep(&tick, NULL);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, status, 0);
	return false;
}

/* "- stressor: NAME", and in a line behind it "bogo-ops: N" */
static void put_stressors(void)
{
	FILE *f = fopen(YAML, "re");
	char line[256], name[64] = "";
	const char *comma = "";
	unsigned long long ops;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " - stressor: %63[a-z0-9_-]", name) == 1 || !*name)
			continue;
		if (sscanf(line, " bogo-ops: %llu", &ops) != 1)
			continue;
		printf("%s\"%s\":%llu", comma, name, ops);
		comma = ",";
		name[0] = '\0';
	}
	if (f)
		fclose(f);
}

/* The last of what it said */
static void put_log(void)
{
	char lines[LOG_LINES][200];
	FILE *f = fopen(LOG, "re");
	unsigned int n = 0, i;

	while (f && fgets(lines[n % LOG_LINES], sizeof(lines[0]), f)) {
		lines[n % LOG_LINES][strcspn(lines[n % LOG_LINES], "\n")] = '\0';
		n++;
	}
	if (f)
		fclose(f);
	for (i = n < LOG_LINES ? 0 : n - LOG_LINES; i < n; i++)
		printf("# %s\n", lines[i % LOG_LINES]);
}

int main(int argc, char **argv)
{
	int status = 0, stress_status = 0, nr;
	bool early, ended = true;
	pid_t stress, program;

	for (nr = 0; nr + 1 < argc && strcmp(argv[nr + 1], ":"); nr++)
		;
	if (!nr || nr + 2 >= argc || nr > MAX_ARGS) {
		fprintf(stderr, "usage: pressure ARGS... : PROGRAM ARGS...\n");
		return 2;
	}
	stress = start_stress(argv + 1, nr);
	program = stress < 0 ? -1 : start_program(argv + nr + 2);
	if (program < 0) {
		fprintf(stderr, "pressure: fork: %s\n", strerror(errno));
		return 1;
	}
	while (waitpid(program, &status, 0) < 0 && errno == EINTR)
		;
	early = waitpid(stress, &stress_status, WNOHANG) == stress;
	if (!early)
		ended = end_stress(stress, &stress_status);
	put_log();
	printf("{\"pressure\":1,\"exit\":%d,\"signal\":%d,\"early\":%s,\"ended\":%s,\"stressors\":{",
	       WIFEXITED(stress_status) ? WEXITSTATUS(stress_status) : 0,
	       WIFSIGNALED(stress_status) ? WTERMSIG(stress_status) : 0,
	       early ? "true" : "false", ended ? "true" : "false");
	put_stressors();
	printf("}}\n");
	fflush(stdout);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
