/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/walk.h"

#include <stdlib.h>
#include <string.h>

/* --- which --- */

/* "a" names "a" itself and what is below it: "a/b". */
static bool is_under(const char *name, const char *top)
{
	size_t length = strlen(top);

	return strncmp(name, top, length) == 0 && (!name[length] || name[length] == '/');
}

/* What of ${name} is left for the places when the certificate's name is taken off; NULL: it does not begin with that. */
static const char *rest_of_name(const char *name, const struct tracked_certificate *certificate)
{
	size_t length = strlen(certificate->name);

	return strncmp(name, certificate->name, length) == 0 && name[length] == '/' ? name + length + 1 : NULL;
}

bool walk_covers_all(const struct walk *walk, const struct tracked_certificate *certificate)
{
	return !*walk->name || is_under(certificate->name, walk->name);
}

bool walk_covers_slot(const struct walk *walk, const struct slot *slot)
{
	const struct tracked_certificate *certificate = stock_certificate(walk->stock, slot);
	const char *rest = rest_of_name(walk->name, certificate);

	return walk_covers_all(walk, certificate) ||
	       (rest && is_under(stock_place(walk->stock, slot)->place->name, rest));
}

bool walk_covers_some(const struct walk *walk, const struct tracked_certificate *certificate)
{
	if (walk_covers_all(walk, certificate))
		return true;
	for (size_t i = 0; rest_of_name(walk->name, certificate) && i < certificate->count; i++)
		if (walk_covers_slot(walk, &walk->stock->slots[certificate->first + i]))
			return true;
	return false;
}

/* --- the walk --- */

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = mem_strdup(value);
}

void walk_begin(struct walk *walk)
{
	walk->certificate = walk->delivery = 0;
	set_text(&walk->after, NULL);
	set_text(&walk->after_place, "");
	walk->world = walk->stock->world_number;
}

/* The first certificate whose name is behind the last one's; or that one, when some of its deliveries are still to come. */
static void find_certificate(struct walk *walk, bool same)
{
	const struct stock *stock = walk->stock;
	size_t at = stock_lower_certificate(stock, walk->after);

	if (!same && at < stock->certificate_count && strcmp(stock->certificates[at]->name, walk->after) == 0)
		at++;
	walk->certificate = at;
	walk->delivery = 0;
}

static void find_delivery(struct walk *walk)
{
	const struct stock *stock = walk->stock;
	const struct tracked_certificate *certificate;

	if (walk->certificate == stock->certificate_count)
		return;
	certificate = stock->certificates[walk->certificate];
	while (strcmp(certificate->name, walk->after) == 0 && walk->delivery < certificate->count &&
		strcmp(stock_place(stock, &stock->slots[certificate->first + walk->delivery])->place->name,
			walk->after_place) <= 0)
		walk->delivery++;
}

/* The world is another one: go on behind the last name. */
static void walk_again(struct walk *walk)
{
	bool within = walk->delivery > 0;

	if (walk->world == walk->stock->world_number)
		return;
	walk->world = walk->stock->world_number;
	walk->changed = true;
	if (!walk->after)
		return;
	find_certificate(walk, within);
	if (within)
		find_delivery(walk);
}

const struct tracked_certificate *walk_here(struct walk *walk)
{
	const struct stock *stock = walk->stock;

	walk_again(walk);
	return walk->certificate < stock->certificate_count ? stock->certificates[walk->certificate] : NULL;
}

void walk_on(struct walk *walk, const struct tracked_certificate *certificate, size_t count)
{
	const struct stock *stock = walk->stock;

	walk->delivery += count;
	if (!walk->after || strcmp(walk->after, certificate->name) != 0)
		set_text(&walk->after, certificate->name);
	if (walk->delivery < certificate->count) {
		set_text(&walk->after_place, stock_place(stock,
			&stock->slots[certificate->first + walk->delivery - 1])->place->name);
		return;
	}
	walk->certificate++;
	walk->delivery = 0;
}

void walk_done(struct walk *walk)
{
	free(walk->after);
	free(walk->after_place);
	*walk = (struct walk){ .stock = NULL };
}
