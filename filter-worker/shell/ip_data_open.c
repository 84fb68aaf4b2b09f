/* ip_data_open: see ip_data_open.h. */
#include "ip_data_open.h"

#include <errno.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>

#include "list_text.h"

#define DATABASE "ip.mmdb"

struct opened {
	struct ip_data data; /* first: what the caller holds */
	MMDB_s db;
	struct ip_table table;
	struct list_hash hash;
	char hex[IP_DATA_HASH_LEN + 1];
};
_Static_assert(IP_DATA_HASH_LEN == LIST_HASH_LEN, "one kind of hash");

static enum result open_database(struct opened *o, const char *folder, struct error *ret_error)
{
	char path[PATH_MAX];
	int status;

	if (snprintf(path, sizeof(path), "%s/" DATABASE, folder) >= (int)sizeof(path))
		return error_set(ret_error, RESULT_BAD, "%s: the path is too long", folder);
	if (list_hash_file(&o->hash, path, ret_error) != RESULT_OK)
		return RESULT_BAD;
	status = MMDB_open(path, MMDB_MODE_MMAP, &o->db);
	if (status != MMDB_SUCCESS)
		return error_set(ret_error, RESULT_BAD, "%s: %s", path, MMDB_strerror(status));
	o->data.db = &o->db;
	return RESULT_OK;
}

static const char *add_network(void *table, struct slice line)
{
	return ip_table_add(table, line);
}

static enum result open_table(struct opened *o, const char *path, struct error *ret_error)
{
	if (list_text_read(path, &o->hash, add_network, &o->table, ret_error) != RESULT_OK)
		return RESULT_BAD;
	ip_table_sort(&o->table);
	o->data.table = &o->table;
	return RESULT_OK;
}

struct ip_data *ip_data_open(const char *folder, const char *networks, struct error *ret_error)
{
	struct opened *o = calloc(1, sizeof(*o));

	assert(o);
	list_hash_begin(&o->hash);
	if ((folder && open_database(o, folder, ret_error) != RESULT_OK) ||
	    (networks && open_table(o, networks, ret_error) != RESULT_OK)) {
		ip_data_close(&o->data);
		return NULL;
	}
	list_hash_end(&o->hash, o->hex);
	return &o->data;
}

void ip_data_close(struct ip_data *d)
{
	struct opened *o = (struct opened *)d;

	if (!o)
		return;
	if (o->data.db)
		MMDB_close(&o->db);
	ip_table_free(&o->table);
	free(o);
}

const char *ip_data_hash(const struct ip_data *d)
{
	return ((const struct opened *)d)->hex;
}
