/* snapshot_child: see snapshot_child.h. */
#include "snapshot_child.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/fault.h"

#define CHILD_NICE 5 /* decisions go first */

_Static_assert(SNAPSHOT_HASH_LEN == crypto_generichash_BYTES, "BLAKE2b-256");

struct shared {
	size_t len;
	uint8_t hash[SNAPSHOT_HASH_LEN];
	char bytes[];
};

/* Addresses only: memory is taken as it is written. */
#define SHARED_BYTES (sizeof(struct shared) + MARKET_ENCODED_MAX_BYTES)

void snapshot_hash(struct slice bytes, uint8_t ret[SNAPSHOT_HASH_LEN])
{
	crypto_generichash(ret, SNAPSHOT_HASH_LEN, (const uint8_t *)bytes.data, bytes.len, NULL, 0);
}

static _Noreturn void child_main(struct shared *shared, const struct market *m, pid_t parent)
{
	struct buf out = {.data = shared->bytes,
			  .cap = MARKET_ENCODED_MAX_BYTES,
			  .max = MARKET_ENCODED_MAX_BYTES};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setpriority(PRIO_PROCESS, 0, CHILD_NICE);
	market_encode(m, &out);
	if (out.failed)
		_exit(1);
	fault_point("snapshot_child_encoded");
	snapshot_hash(buf_slice(&out), shared->hash);
	shared->len = out.len;
	_exit(0);
}

/* The child has the parent's handlers: no signal may reach them there. */
static pid_t fork_deaf(void)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid != 0)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static void hold(struct snapshot_child *c, struct market *m)
{
	market_hold(m);
	c->held = m;
}

/* The child has ended. */
static void release(struct snapshot_child *c)
{
	c->pid = 0;
	if (c->held)
		market_release(c->held);
	c->held = NULL;
}

bool snapshot_child_start(struct snapshot_child *c, struct market *m)
{
	pid_t parent = getpid();

	assert(!c->shared && c->pid == 0);
	c->shared = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->shared == MAP_FAILED) {
		c->shared = NULL;
		return false;
	}
	c->pid = fork_deaf();
	if (c->pid == 0)
		child_main(c->shared, m, parent);
	if (c->pid > 0) {
		hold(c, m);
		return true;
	}
	c->pid = 0;
	snapshot_child_end(c);
	return false;
}

enum result snapshot_child_poll(struct snapshot_child *c, struct slice *ret_bytes,
				uint8_t ret_hash[SNAPSHOT_HASH_LEN])
{
	const struct shared *shared = c->shared;
	int status = 0;
	pid_t ended;

	assert(shared);
	ended = c->pid ? waitpid(c->pid, &status, WNOHANG) : 0;
	if (c->pid && ended == 0)
		return RESULT_AGAIN;
	release(c);
	if (ended < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || shared->len == 0)
		return RESULT_BAD;
	*ret_bytes = slice_of(shared->bytes, shared->len);
	memcpy(ret_hash, shared->hash, SNAPSHOT_HASH_LEN);
	return RESULT_OK;
}

void snapshot_child_end(struct snapshot_child *c)
{
	int saved = errno;

	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
		release(c);
	}
	if (c->shared)
		munmap(c->shared, SHARED_BYTES);
	*c = (struct snapshot_child){0};
	errno = saved;
}
