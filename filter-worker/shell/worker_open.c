/* worker_open: a worker's start and end. See worker.h. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "lists_open.h"
#include "mx_notes.h"
#include "restore.h"
#include "rules_file.h"
#include "runtime/clock.h"
#include "runtime/directory.h"
#include "runtime/keyring.h"
#include "runtime/kv.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "suppressions.h"
#include "verdict_follower.h"
#include "worker_state.h"

#define SECTION          "filter_worker"
#define START_TIMEOUT_MS 30000
#define VERDICTS_WAIT_MS 5000

static enum result load_rules(struct worker *w, const char *path, struct error *e)
{
	_cleanup_(yaml_faults_free) struct yaml_faults faults = {.file = path};

	w->rules_from_file = path[0] != '\0';
	if (!w->rules_from_file)
		ruleset_standard(&w->rules);
	else if (rules_file_load(path, &w->rules, &faults) != RESULT_OK)
		return error_set(e, RESULT_BAD, "%s", buf_cstr(&faults.text));
	metric_members(METRIC_FILTER_HITS, filter_names, filter_count);
	metric_members(METRIC_FILTER_SHADOW_HITS, filter_names, filter_count);
	log_info("rules", LOG_STR("ruleset", w->rules.hash),
		 LOG_INT("filters", w->rules.network.count), LOG_STR("file", path));
	return RESULT_OK;
}

/* Can the kv take together what the rules claim? */
static enum result check_scopes(const struct worker *w, const struct ruleset *rs,
				struct yaml_faults *f)
{
	_cleanup_(buf_free) struct buf mixed = {0};

	if (kv_needs_one_group(w->kv))
		ruleset_write_mixed_scopes(rs, &mixed);
	if (mixed.len == 0)
		return RESULT_OK;
	yaml_fault(f, 0,
		   "common.redis is a cluster, where all rules that claim must have the same "
		   "`scope`: those of %s differ",
		   buf_cstr(&mixed));
	return RESULT_BAD;
}

static enum result check_rules(const struct worker *w, const char *path, struct error *e)
{
	_cleanup_(yaml_faults_free) struct yaml_faults faults = {.file = path[0] ? path : "rules"};

	if (check_scopes(w, &w->rules, &faults) == RESULT_OK)
		return RESULT_OK;
	return error_set(e, RESULT_BAD, "%s", buf_cstr(&faults.text));
}

static enum result read_published(struct worker *w, const char *text, struct yaml_faults *f)
{
	static struct ruleset rs; /* too large for a stack */

	if (rules_file_read(slice_cstr(text), &rs, f) != RESULT_OK ||
	    check_scopes(w, &rs, f) != RESULT_OK)
		return RESULT_BAD;
	w->rules = rs;
	return RESULT_OK;
}

void worker_follow_rules(struct worker *w)
{
	uint64_t version = directory_version(w->directory);
	const Punnet__V1__DirectoryEntry *entry;
	_cleanup_(yaml_faults_free) struct yaml_faults faults = {.file = "rules/current"};

	if (w->rules_from_file || version == w->rules_version)
		return;
	w->rules_version = version;
	entry = directory_get(w->directory, "rules", SLICE("current"));
	if (!entry || strcmp(entry->rule_set->hash, w->rules.hash) == 0)
		return;
	if (read_published(w, entry->rule_set->text, &faults) != RESULT_OK) {
		metric_add(METRIC_FILTER_RULES_REFUSED, 1);
		log_error("rules_refused", LOG_STR("ruleset", entry->rule_set->hash),
			  LOG_STR("in_force", w->rules.hash),
			  LOG_STR("reason", buf_cstr(&faults.text)));
		return;
	}
	log_info("rules", LOG_STR("ruleset", w->rules.hash),
		 LOG_INT("filters", w->rules.network.count), LOG_STR("who", entry->rule_set->who),
		 LOG_STR("why", entry->rule_set->why));
}

static enum result open_servers(struct worker *w, const struct config *c, struct error *e)
{
	w->keyring = keyring_open(config_text(c, "common", "keys_dir"), false, e);
	if (!w->keyring)
		return RESULT_BAD;
	w->kv = kv_open(config_text(c, "common", "redis"), config_text(c, SECTION, "kv_prefix"),
			(int)config_int(c, SECTION, "kv_timeout"), e);
	if (!w->kv)
		return RESULT_AWAY;
	if (check_rules(w, config_text(c, SECTION, "ruleset"), e) != RESULT_OK)
		return RESULT_BAD;
	w->bus = bus_open(config_text(c, "common", "kafka"), w->service->instance, e);
	if (!w->bus)
		return RESULT_AWAY;
	w->directory = directory_open(w->bus, START_TIMEOUT_MS, e);
	return w->directory ? RESULT_OK : RESULT_AWAY;
}

static enum result open_mx(struct worker *w, const struct config *c, struct error *e)
{
	const char *servers = config_text(c, SECTION, "dns");

	if (strcmp(servers, "off") == 0)
		return RESULT_OK;
	w->mx = mx_open(&(struct mx_options){.servers = servers,
					     .wait_ms = config_int(c, SECTION, "mx_wait"),
					     .key = keyring_fingerprint_key(w->keyring),
					     .notes = mx_notes_in(w->kv)},
			e);
	return w->mx ? RESULT_OK : RESULT_BAD;
}

static enum result open_lists(struct worker *w, const struct config *c, struct error *e)
{
	w->lists = lists_holder_open(config_text(c, SECTION, "lists"), e);
	if (!w->lists)
		return RESULT_BAD;
	log_info("lists", LOG_STR("version", lists_holder_get(w->lists)->version));
	return RESULT_OK;
}

void worker_follow_lists(struct worker *w)
{
	struct error error = {0};

	switch (lists_holder_follow(w->lists, clock_monotonic_ms(), &error)) {
	case LISTS_SAME:
		break;
	case LISTS_SWAPPED:
		log_info("lists", LOG_STR("version", lists_holder_get(w->lists)->version));
		break;
	case LISTS_REFUSED:
		metric_add(METRIC_FILTER_LISTS_REFUSED, 1);
		log_error("lists_refused", LOG_STR("in_use", lists_holder_get(w->lists)->version),
			  LOG_STR("reason", error.text));
		break;
	}
}

static enum result open_streams(struct worker *w, const struct config *c, struct error *e)
{
	static const char *const topics[] = {TOPIC_RAW};
	struct bus_producer_options producer = {.on_ack = worker_on_ack,
						.ctx = w,
						.linger_ms_x10 =
						    (int)config_int(c, "common", "linger") * 10,
						.max_in_flight = w->max_in_flight};
	struct bus_consumer_options consumer = {
	    .group = config_text(c, SECTION, "group"),
	    .instance_id = w->service->instance,
	    .topics = topics,
	    .topic_count = ARRAY_LEN(topics),
	    .gather_ms = (int)config_int(c, "common", "gather"),
	    .on_assign = worker_on_assign,
	    .on_revoke = worker_on_revoke,
	    .ctx = w,
	};

	w->producer = bus_producer_open(w->bus, &producer, e);
	if (!w->producer)
		return RESULT_AWAY;
	w->consumer = bus_consumer_open(w->bus, &consumer, e);
	return w->consumer ? RESULT_OK : RESULT_AWAY;
}

static enum result worker_start(struct service *s, struct error *ret_error)
{
	struct worker *w = calloc(1, sizeof(*w));
	const struct config *c = s->config;
	enum result r;

	assert(w);
	*w = (struct worker){.magic = WORKER_MAGIC, .service = s};
	s->state = w;
	w->batch_leads = (size_t)config_int(c, SECTION, "batch_leads");
	w->max_in_flight = (size_t)config_int(c, SECTION, "max_in_flight");
	w->commit_every_ms = config_int(c, SECTION, "commit_every");
	w->watchdog_ms = config_int(c, "common", "ack_watchdog");
	flights_init(&w->flights, w->max_in_flight);
	r = load_rules(w, config_text(c, SECTION, "ruleset"), ret_error);
	if (r == RESULT_OK)
		r = open_lists(w, c, ret_error);
	if (r == RESULT_OK)
		r = open_servers(w, c, ret_error);
	if (r == RESULT_OK)
		r = open_mx(w, c, ret_error);
	if (r == RESULT_OK)
		r = open_streams(w, c, ret_error);
	if (r != RESULT_OK)
		return r;

	w->suppressions = suppressions_new();
	suppressions_follow(w->suppressions, w->directory);
	w->verdicts = verdict_follower_open(w->bus, VERDICTS_WAIT_MS);
	worker_follow_rules(w);
	w->desk =
	    desk_open(&(struct desk_options){.rules = &w->rules,
					     .kv = w->kv,
					     .keyring = w->keyring,
					     .directory = w->directory,
					     .local = {
						 .suppressions = w->suppressions,
						 .verdicts = verdict_follower_book(w->verdicts),
						 .lists = lists_holder_get(w->lists),
						 .mx = w->mx,
						 .digest_key = keyring_fingerprint_key(w->keyring),
					     }});
	service_watch(s, bus_producer_fd(w->producer));
	service_watch(s, bus_consumer_fd(w->consumer));
	service_watch(s, directory_fd(w->directory));
	return RESULT_OK;
}

static bool worker_ready(struct service *s, char *ret_why, size_t len)
{
	const struct worker *w = s->state;

	if (w && w->desk && w->restore.ready && !w->kv_away)
		return true;
	snprintf(ret_why, len, "%s",
		 w && w->kv_away              ? "Redis is away: leads wait"
		 : w && w->restore.partitions ? "Redis lost its state, which is being restored"
					      : "starting");
	return false;
}

/* What is not published yet is left to the successor: nothing of it stands in the log, and claims know their owner. */
static void worker_drain(struct service *s)
{
	struct worker *w = worker_of(s->state);

	w->batch.next = w->batch.count;
	worker_release_batch(w);
}

static bool worker_drained(struct service *s)
{
	struct worker *w = worker_of(s->state);

	return batch_done(&w->batch) && w->flights.used == 0;
}

static void worker_stop(struct service *s)
{
	struct worker *w = worker_of(s->state);

	for (size_t i = 0; i < w->partitions.count; i++) {
		struct partition *p = partitions_owned(&w->partitions, (int32_t)i);

		if (p)
			worker_commit_last(w, (int32_t)i, p);
	}
	worker_release_batch(w);
	restore_close(w);
	bus_consumer_close(w->consumer);
	bus_producer_close(w->producer);
	directory_close(w->directory);
	verdict_follower_close(w->verdicts);
	bus_close(w->bus);
	desk_close(w->desk);
	suppressions_free(w->suppressions);
	lists_holder_close(w->lists);
	mx_close(w->mx);
	kv_close(w->kv);
	keyring_free(w->keyring);
	partitions_free(&w->partitions);
	flights_free(&w->flights);
	batch_free(&w->batch);
	w->magic = 0;
	free(w);
}

const struct service_def filter_worker_service = {
    .name = "filter-worker",
    .what = "judges every raw lead once, in order, with the facts behind the verdict",
    .start = worker_start,
    .turn = worker_turn,
    .ready = worker_ready,
    .drain = worker_drain,
    .drained = worker_drained,
    .stop = worker_stop,
};
