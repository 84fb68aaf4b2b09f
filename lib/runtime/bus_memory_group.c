/* bus_memory_group: consumer groups of the memory backend.
 *
 * Eager, like Kafka's classic groups: when the group changes, every member gives its partitions back inside its next
 * bus_take(); when all have, each gets its new share inside its next one. Partitions go round-robin over the members in
 * the order of their joining. A static member that closes stays in the group, away, and keeps its share.
 * Fails: a member whose instance id was opened again is fenced: RESULT_FATAL. */
#include <stdlib.h>
#include <unistd.h>

#include "bus_memory_internal.h"
#include "clock.h"

struct memory_commit {
	const char *topic;
	int32_t partition;
	int64_t next;
	char metadata[BUS_METADATA_MAX_BYTES];
	size_t metadata_len;
};

struct memory_consumer;
struct member {
	char *instance_id;                /* NULL: dynamic */
	struct memory_consumer *consumer; /* NULL: a static member that is away */
	uint64_t returned;                /* the generation for which it gave everything back */
	uint64_t assigned;                /* the generation whose share it has */
};

struct memory_group {
	char *name;
	struct member members[MEMORY_MEMBERS_MAX];
	size_t member_count;
	uint64_t generation;
	struct memory_commit *commits;
	size_t commit_count;
};

struct memory_owned {
	const char *topic;
	int32_t partition;
	int64_t position;
};

struct memory_consumer {
	struct bus_consumer base;
	struct memory_handle handle;
	struct memory_bus *bus;
	struct memory_group *group;
	struct bus_consumer_options options;
	const char **topics; /* interned */
	struct memory_owned owned[MEMORY_OWNED_MAX];
	size_t owned_count, turn; /* turn: which partition is taken from first */
	bool fenced, lost, expelled;
	int64_t held_since_ms; /* the last commit; 0: none */
};

/* --- groups --- */

static struct memory_group *group_find(struct memory_bus *m, const char *name)
{
	for (size_t i = 0; i < m->group_count; i++)
		if (strcmp(m->groups[i]->name, name) == 0)
			return m->groups[i];
	return NULL;
}

static struct memory_group *group_of(struct memory_bus *m, const char *name)
{
	struct memory_group *g = group_find(m, name);

	if (g)
		return g;
	assert(m->group_count < MEMORY_GROUPS_MAX);
	g = calloc(1, sizeof(*g));
	assert(g);
	g->name = strdup(name);
	assert(g->name);
	m->groups[m->group_count++] = g;
	return g;
}

void memory_groups_free(struct memory_bus *m)
{
	for (size_t i = 0; i < m->group_count; i++) {
		struct memory_group *g = m->groups[i];

		for (size_t j = 0; j < g->member_count; j++)
			free(g->members[j].instance_id);
		free(g->commits);
		free(g->name);
		free(g);
	}
}

static struct member *member_of(struct memory_consumer *c)
{
	for (size_t i = 0; i < c->group->member_count; i++)
		if (c->group->members[i].consumer == c)
			return &c->group->members[i];
	return NULL;
}

static void member_remove(struct memory_group *g, struct member *who)
{
	size_t at = (size_t)(who - g->members);

	free(who->instance_id);
	memmove(who, who + 1, (g->member_count - at - 1) * sizeof(*who));
	g->member_count--;
	g->generation++;
}

static struct memory_commit *commit_find(struct memory_group *g, const char *topic,
					 int32_t partition)
{
	for (size_t i = 0; i < g->commit_count; i++)
		if (g->commits[i].topic == topic && g->commits[i].partition == partition)
			return &g->commits[i];
	return NULL;
}

enum result memory_committed(struct bus *b, const char *group, const char *topic,
			     int32_t partitions, _unused_ int timeout_ms, int64_t *ret_next,
			     _unused_ struct error *ret_error)
{
	struct memory_group *g = group_find((struct memory_bus *)b, group);
	const char *name = bus_intern(b, topic);

	for (int32_t p = 0; p < partitions; p++) {
		const struct memory_commit *c = g ? commit_find(g, name, p) : NULL;

		ret_next[p] = c ? c->next : -1;
	}
	return RESULT_OK;
}

/* --- sharing out --- */

static struct memory_owned *owned_find(struct memory_consumer *c, const char *topic,
				       int32_t partition)
{
	for (size_t i = 0; i < c->owned_count; i++)
		if (c->owned[i].partition == partition && strcmp(c->owned[i].topic, topic) == 0)
			return &c->owned[i];
	return NULL;
}

static void give_back(struct memory_consumer *c)
{
	for (size_t i = 0; i < c->owned_count; i++)
		c->options.on_revoke(c->options.ctx, c->owned[i].topic, c->owned[i].partition,
				     c->lost);
	c->owned_count = 0;
	c->lost = false;
}

static bool receive(struct memory_consumer *c, const char *topic, int32_t partition)
{
	struct memory_commit *commit = commit_find(c->group, topic, partition);
	struct memory_log *log = memory_log(c->bus, topic, partition);
	struct bus_assignment a = {
	    .topic = topic,
	    .partition = partition,
	    .committed = commit ? commit->next : -1,
	    .metadata = commit ? slice_of(commit->metadata, commit->metadata_len) : SLICE(""),
	};
	enum result result = RESULT_OK;
	int64_t start = c->options.on_assign(c->options.ctx, &a, &result);

	if (start < log->low || start > log->high)
		start = log->low;
	assert(c->owned_count < MEMORY_OWNED_MAX);
	c->owned[c->owned_count++] = (struct memory_owned){topic, partition, start};
	return result != RESULT_FATAL;
}

/* The member's share: every member_count-th partition of all, from its own place on. */
static bool receive_share(struct memory_consumer *c, size_t place)
{
	size_t number = 0;

	for (size_t t = 0; t < c->options.topic_count; t++) {
		struct memory_topic *topic = memory_topic(c->bus, c->topics[t]);

		for (int32_t p = 0; topic && p < topic->partitions; p++)
			if (number++ % c->group->member_count == place &&
			    !receive(c, c->topics[t], p))
				return false;
	}
	return true;
}

static bool all_returned(const struct memory_group *g)
{
	for (size_t i = 0; i < g->member_count; i++)
		if (g->members[i].consumer && g->members[i].returned != g->generation)
			return false;
	return true;
}

static void join(struct memory_consumer *c);

static enum result serve_group(struct memory_consumer *c, struct error *ret_error)
{
	struct memory_group *g = c->group;
	struct member *me;

	if (c->expelled) {
		c->expelled = false;
		give_back(c);
		join(c);
		memory_tell_all(c->bus);
	}
	me = member_of(c);

	if (c->fenced || !me)
		return error_set(ret_error, RESULT_FATAL, "memory: group %s: fenced", g->name);
	if (me->assigned == g->generation)
		return RESULT_OK;
	if (me->returned != g->generation || c->lost) {
		give_back(c);
		me->returned = g->generation;
		memory_tell_all(c->bus);
	}
	if (!all_returned(g))
		return RESULT_OK;
	me->assigned = g->generation;
	if (!receive_share(c, (size_t)(me - g->members)))
		return error_set(ret_error, RESULT_FATAL, "memory: the owner refused a partition");
	return RESULT_OK;
}

/* --- life --- */

/* A static member comes back to its own place, with its share; an older instance is fenced. */
static void join(struct memory_consumer *c)
{
	struct memory_group *g = c->group;

	for (size_t i = 0; c->options.instance_id && i < g->member_count; i++) {
		struct member *m = &g->members[i];

		if (!m->instance_id || strcmp(m->instance_id, c->options.instance_id) != 0)
			continue;
		if (m->consumer)
			m->consumer->fenced = true;
		m->consumer = c;
		if (m->assigned == g->generation)
			m->assigned = 0; /* the same share, received anew */
		m->returned = g->generation;
		return;
	}
	assert(g->member_count < MEMORY_MEMBERS_MAX);
	g->generation++;
	g->members[g->member_count++] = (struct member){
	    .instance_id = c->options.instance_id ? strdup(c->options.instance_id) : NULL,
	    .consumer = c,
	};
}

struct bus_consumer *memory_consumer_open(struct bus *b, const struct bus_consumer_options *o,
					  struct error *ret_error)
{
	struct memory_bus *m = (struct memory_bus *)b;
	struct memory_consumer *c = calloc(1, sizeof(*c));

	assert(c);
	c->base.ops = b->ops;
	c->bus = m;
	c->options = *o;
	c->options.topics = NULL;
	c->group = group_of(m, o->group);
	c->topics = calloc(o->topic_count, sizeof(*c->topics));
	assert(c->topics);
	for (size_t i = 0; i < o->topic_count; i++)
		c->topics[i] = bus_intern(b, o->topics[i]);
	if (!memory_join(m, &c->handle, ret_error)) {
		free(c->topics);
		free(c);
		return NULL;
	}
	join(c);
	memory_tell_all(m);
	return &c->base;
}

void memory_consumer_close(struct bus_consumer *base)
{
	struct memory_consumer *c = (struct memory_consumer *)base;
	struct memory_bus *m = c->bus;
	struct member *me = member_of(c);

	c->lost |= c->fenced;
	give_back(c);
	if (me && me->instance_id)
		me->consumer = NULL;
	else if (me)
		member_remove(c->group, me);
	memory_leave(m, &c->handle);
	memory_tell_all(m);
	free(c->topics);
	free(c);
}

/* --- taking and committing --- */

enum result memory_take(struct bus_consumer *base, struct bus_record *ret, size_t max,
			size_t *ret_count, struct error *ret_error)
{
	struct memory_consumer *c = (struct memory_consumer *)base;
	enum result result;
	size_t count = 0;
	bool more = false;

	bus_event_drain(c->handle.fd);
	result = serve_group(c, ret_error);
	if (result != RESULT_OK)
		return result;

	for (size_t i = 0; i < c->owned_count; i++) {
		struct memory_owned *o = &c->owned[(c->turn + i) % c->owned_count];
		struct memory_log *log = memory_log(c->bus, o->topic, o->partition);

		while (count < max && o->position < log->high)
			ret[count++] = *log->records[o->position++];
		more |= o->position < log->high;
	}
	c->turn++;
	if (more && max > 0)
		bus_event_signal(c->handle.fd);
	*ret_count = count;
	return RESULT_OK;
}

void memory_release(_unused_ struct bus_consumer *base, struct bus_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		records[i] = (struct bus_record){.topic = NULL};
}

int memory_consumer_fd(struct bus_consumer *base)
{
	return ((struct memory_consumer *)base)->handle.fd;
}

void memory_commit(struct bus_consumer *base, const char *topic, int32_t partition, int64_t next,
		   struct slice metadata)
{
	struct memory_consumer *c = (struct memory_consumer *)base;
	struct memory_owned *o = owned_find(c, topic, partition);
	struct memory_group *g = c->group;
	struct memory_commit *commit;

	if (!o || c->lost || c->fenced)
		return;
	c->held_since_ms = clock_monotonic_ms();
	commit = commit_find(g, o->topic, partition);
	if (!commit) {
		g->commits = realloc(g->commits, (g->commit_count + 1) * sizeof(*g->commits));
		assert(g->commits);
		commit = &g->commits[g->commit_count++];
		*commit = (struct memory_commit){.topic = o->topic, .partition = partition};
	}
	commit->next = next;
	commit->metadata_len = metadata.len;
	if (metadata.len)
		memcpy(commit->metadata, metadata.data, metadata.len);
}

enum result memory_commit_now(struct bus_consumer *base, const char *topic, int32_t partition,
			      int64_t next, struct slice metadata, _unused_ int timeout_ms)
{
	struct memory_consumer *c = (struct memory_consumer *)base;

	memory_commit(base, topic, partition, next, metadata);
	return c->lost || c->fenced ? RESULT_AWAY : RESULT_OK;
}

int64_t memory_held_since_ms(const struct bus_consumer *base)
{
	return ((const struct memory_consumer *)base)->held_since_ms;
}

/* --- hooks --- */

void bus_memory_rebalance(struct bus *b, const char *group, bool lost)
{
	struct memory_bus *m = (struct memory_bus *)b;
	struct memory_group *g = group_find(m, group);

	assert(g);
	g->generation++;
	for (size_t i = 0; i < g->member_count && lost; i++) {
		if (!g->members[i].consumer)
			continue;
		g->members[i].consumer->lost = true;
		g->members[i].returned = g->generation; /* nobody waits for it */
	}
	memory_tell_all(m);
}

bool bus_memory_has_group(struct bus *b, const char *group)
{
	return group_find((struct memory_bus *)b, group) != NULL;
}

void bus_memory_expel(struct bus *b, const char *group, const char *instance_id)
{
	struct memory_bus *m = (struct memory_bus *)b;
	struct memory_group *g = group_find(m, group);

	assert(g);
	for (size_t i = 0; i < g->member_count; i++) {
		struct member *who = &g->members[i];

		if (who->instance_id && strcmp(who->instance_id, instance_id) == 0 &&
		    who->consumer) {
			who->consumer->lost = who->consumer->expelled = true;
			member_remove(g, who);
			break;
		}
	}
	memory_tell_all(m);
}

void bus_memory_session_over(struct bus *b, const char *group, const char *instance_id)
{
	struct memory_bus *m = (struct memory_bus *)b;
	struct memory_group *g = group_find(m, group);

	assert(g);
	for (size_t i = 0; i < g->member_count; i++) {
		struct member *who = &g->members[i];

		if (who->instance_id && strcmp(who->instance_id, instance_id) == 0) {
			assert(!who->consumer);
			member_remove(g, who);
			break;
		}
	}
	memory_tell_all(m);
}
