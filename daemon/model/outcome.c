/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/model/outcome.h"

#include <stdlib.h>

void shown_news_copy(struct shown_news *to, const struct shown_news *from)
{
	to->change = from->change;
	to->path = mem_strdup(from->path);
	error_copy(&to->why, &from->why);
}

void shown_news_done(struct shown_news *news)
{
	free(news->path);
	error_done(&news->why);
	*news = (struct shown_news){ 0 };
}

void outcome_done(struct outcome *outcome)
{
	free(outcome->reason);
	error_done(&outcome->error);
	shown_news_done(&outcome->shown);
	*outcome = (struct outcome){ 0 };
}
