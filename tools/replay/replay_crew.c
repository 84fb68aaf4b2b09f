/* replay_crew: threads that share a row of jobs, most often partitions. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "runtime/fault.h"
#include "tools/replay/replay.h"

#define SHOW_MS 500

struct crew {
	const struct replay_crew *c;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	size_t next, at_work; /* under the lock, as what stands below */
	enum result result;
	struct error error;
	_Atomic int64_t count;
	bool jobs_unlocked; /* a fault of the test builds: the thread sanitizer has to notice */
};

/* false: there is none left, or one has failed. */
static bool take_job(struct crew *crew, size_t *ret)
{
	bool there;

	if (!crew->jobs_unlocked)
		pthread_mutex_lock(&crew->lock);
	there = crew->next < crew->c->jobs && crew->result == RESULT_OK;
	if (there)
		*ret = crew->next++;
	if (!crew->jobs_unlocked)
		pthread_mutex_unlock(&crew->lock);
	return there;
}

static void *work(void *arg)
{
	struct crew *crew = arg;
	size_t job;

	while (take_job(crew, &job)) {
		struct error error = {0};
		enum result r = crew->c->run(crew->c->ctx, job, &crew->count, &error);

		pthread_mutex_lock(&crew->lock);
		if (r != RESULT_OK && crew->result == RESULT_OK) {
			crew->result = r;
			crew->error = error;
		}
		pthread_mutex_unlock(&crew->lock);
	}
	pthread_mutex_lock(&crew->lock);
	crew->at_work--;
	pthread_cond_signal(&crew->ended);
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

static void show(const struct crew *crew)
{
	long long done = (long long)crew->count;

	if (!crew->c->replay->tool->terminal)
		return;
	if (crew->c->total > 0)
		fprintf(stderr, "\r%s: %lld of %lld (%lld %%)\033[K", crew->c->what, done,
			(long long)crew->c->total, done * 100 / (long long)crew->c->total);
	else
		fprintf(stderr, "\r%s: %lld\033[K", crew->c->what, done);
}

static void wait_for_all(struct crew *crew)
{
	pthread_mutex_lock(&crew->lock);
	while (crew->at_work > 0) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += SHOW_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (pthread_cond_timedwait(&crew->ended, &crew->lock, &until) == ETIMEDOUT)
			show(crew);
	}
	pthread_mutex_unlock(&crew->lock);
	if (crew->c->replay->tool->terminal)
		fputs("\r\033[K", stderr);
}

enum result replay_crew_run(const struct replay_crew *c, struct error *ret_error)
{
	struct crew crew = {
	    .c = c,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .ended = PTHREAD_COND_INITIALIZER,
	    .jobs_unlocked = fault_on("jobs_unlocked"),
	};
	size_t threads = MAX_OF((size_t)1, MIN_OF(c->replay->threads, c->jobs));
	pthread_t all[REPLAY_THREADS_MAX];
	size_t started = 0;

	crew.at_work = threads;
	while (started < threads && pthread_create(&all[started], NULL, work, &crew) == 0)
		started++;
	if (started < threads) {
		pthread_mutex_lock(&crew.lock);
		crew.at_work -= threads - started;
		crew.result = error_set(&crew.error, RESULT_FATAL, "no thread can be started");
		pthread_mutex_unlock(&crew.lock);
	}
	wait_for_all(&crew);
	for (size_t i = 0; i < started; i++)
		pthread_join(all[i], NULL);
	if (crew.result != RESULT_OK)
		*ret_error = crew.error;
	return crew.result;
}
