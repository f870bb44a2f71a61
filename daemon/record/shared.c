/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/record/shared.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

/* Numbers from 1 on that take three bytes. */
#define NUMBERS 8388607u

static sqlite3_int64 number_of(const char *data, size_t size)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)data[i]) * 16777619u;
	return (hash ^ hash >> 23) % NUMBERS + 1;
}

static void value_done(struct shared_value *value)
{
	free(value->data);
	*value = (struct shared_value){ 0 };
}

static void value_set(
	struct shared_value *value, sqlite3_int64 id, const void *data, size_t size, bool is_text)
{
	value_done(value);
	*value = (struct shared_value){
		.id = id, .is_text = is_text, .size = size, .data = mem_alloc(size + 1)
	};
	if (size)
		memcpy(value->data, data, size);
}

static struct shared_value *place_of(struct shared *shared, sqlite3_int64 id)
{
	return &shared->kept[(uint64_t)id % SHARED_KEPT];
}

static int prepare(const struct shared *shared, sqlite3_stmt **statement, const char *sql)
{
	if (*statement)
		return SQLITE_OK;
	return sqlite3_prepare_v3(shared->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
}

/* SQLITE_ROW: it is in its place, SQLITE_DONE: there is none. */
static int load(struct shared *shared, sqlite3_int64 id)
{
	int r = prepare(shared, &shared->find, "SELECT value FROM shared WHERE id = ?");
	sqlite3_stmt *find = shared->find;

	if (r != SQLITE_OK)
		return r;
	(void)sqlite3_bind_int64(find, 1, id);
	r = sqlite3_step(find);
	if (r == SQLITE_ROW) {
		bool is_text = sqlite3_column_type(find, 0) == SQLITE_TEXT;
		const void *data = is_text ? sqlite3_column_text(find, 0)
					   : sqlite3_column_blob(find, 0);

		value_set(place_of(shared, id), id, data, (size_t)sqlite3_column_bytes(find, 0),
			is_text);
	}
	(void)sqlite3_reset(find);
	return r;
}

const struct shared_value *shared_get(struct shared *shared, sqlite3_int64 id)
{
	struct shared_value *value = place_of(shared, id);

	if (id <= 0)
		return NULL;
	if (shared->used && id <= NUMBERS)
		shared->used[id / 8] |= (unsigned char)(1u << id % 8);
	if (value->id != id) {
		int r = load(shared, id);

		shared->failed |= r != SQLITE_ROW && r != SQLITE_DONE;
		if (r != SQLITE_ROW)
			return NULL;
	}
	return value;
}

static int add(struct shared *shared, sqlite3_int64 id, const void *data, size_t size, bool is_text)
{
	int r = prepare(shared, &shared->add, "INSERT INTO shared (id, value) VALUES (?, ?)");
	sqlite3_stmt *statement = shared->add;

	if (r != SQLITE_OK)
		return r;
	(void)sqlite3_bind_int64(statement, 1, id);
	if (is_text)
		(void)sqlite3_bind_text(statement, 2, data, (int)size, SQLITE_STATIC);
	else
		(void)sqlite3_bind_blob(statement, 2, data, (int)size, SQLITE_STATIC);
	r = sqlite3_step(statement);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	if (r != SQLITE_DONE)
		return r;
	value_set(place_of(shared, id), id, data, size, is_text);
	return SQLITE_OK;
}

/* Where its number is another one's, it has the next that is free. */
int shared_put(struct shared *shared, const void *data, size_t size, bool is_text,
	sqlite3_int64 *ret_id)
{
	sqlite3_int64 id = data ? number_of(data, size) : 0;

	for (*ret_id = id; data; *ret_id = id = id % NUMBERS + 1) {
		const struct shared_value *value = place_of(shared, id);
		int r = value->id == id ? SQLITE_ROW : load(shared, id);

		if (r == SQLITE_DONE)
			return add(shared, id, data, size, is_text);
		if (r != SQLITE_ROW)
			return r;
		if (value->is_text == is_text && value->size == size &&
			memcmp(value->data, data, size) == 0)
			return SQLITE_OK;
	}
	return SQLITE_OK;
}

/* --- what nobody has any more --- */

void shared_begin(struct shared *shared)
{
	shared_end(shared);
	shared->used = mem_alloc(NUMBERS / 8 + 1);
}

void shared_end(struct shared *shared)
{
	free(take(shared->used));
}

/* The numbers of certificates: that all of them were read. */
static bool mark_certificates(struct shared *shared)
{
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_prepare_v2(shared->db, "SELECT chain FROM certificate_row UNION SELECT anchor FROM certificate_row",
		-1, &statement, NULL);

	while (r == SQLITE_OK || r == SQLITE_ROW) {
		r = sqlite3_step(statement);
		if (r == SQLITE_ROW)
			(void)shared_get(shared, sqlite3_column_int64(statement, 0));
	}
	(void)sqlite3_finalize(statement);
	return r == SQLITE_DONE;
}

static void is_used(sqlite3_context *context, int count, sqlite3_value **values)
{
	const unsigned char *used = sqlite3_user_data(context);
	sqlite3_int64 id = sqlite3_value_int64(values[0]);

	sqlite3_result_int(context, id <= 0 || id > NUMBERS || used[id / 8] & 1u << id % 8);
}

void shared_sweep(struct shared *shared)
{
	if (!shared->used)
		return;
	if (sqlite3_db_readonly(shared->db, "main") == 0 &&
		sqlite3_get_autocommit(shared->db) && mark_certificates(shared) &&
		sqlite3_create_function(shared->db, "is_used", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
			shared->used, is_used, NULL, NULL) == SQLITE_OK) {
		(void)sqlite3_exec(shared->db, "DELETE FROM shared WHERE NOT is_used(id)", NULL, NULL, NULL);
		(void)sqlite3_create_function(shared->db, "is_used", 1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
		if (sqlite3_changes(shared->db) > 0)
			shared_forget(shared);
	}
	shared_end(shared);
}

void shared_forget(struct shared *shared)
{
	for (size_t i = 0; i < SHARED_KEPT; i++)
		value_done(&shared->kept[i]);
}

void shared_done(struct shared *shared)
{
	shared_forget(shared);
	shared_end(shared);
	(void)sqlite3_finalize(take(shared->find));
	(void)sqlite3_finalize(take(shared->add));
}
