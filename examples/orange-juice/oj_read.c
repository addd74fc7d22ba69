/* Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0 */
/* orange-juice read: what is in the file, as a summary or as CSV. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "examples/orange-juice/oj_commands.h"
#include "examples/orange-juice/oj_week.h"

static const char HELP[] =
	"usage: orange-juice read FILE.rda [--csv]\n"
	"\n"
	"Reads Dominick's orange juice sales (orangeJuice.rda of R's package\n"
	"bayesm) and says what is in it; --csv prints every store-week and the\n"
	"stock simulated from it.\n";

static void
print_csv(const struct oj_weeks *weeks)
{
	puts("tenant,store,item,week,units,price_cents,deal,feature,margin,"
	     "on_hand,on_order,received,expedited,order_up_to");
	for (size_t i = 0; i < weeks->count; i++) {
		const struct oj_week *week = &weeks->weeks[i];
		const struct oj_stock *stock = &week->stock;
		printf("%s,%d,%d,%d,%d,%d,%d,%.9g,%.9g,%d,%d,%d,%d,%d\n",
		       week->tenant == 0 ? "us" : "ca", week->store, week->item,
		       week->week, week->units, week->price_cents, week->deal,
		       (double)week->feature, (double)week->margin,
		       stock->on_hand, stock->on_order, stock->received,
		       stock->expedited, stock->order_up_to);
	}
}

static void
print_summary(const struct oj_weeks *weeks)
{
	const struct oj_week *first = &weeks->weeks[0];
	const struct oj_week *last = &weeks->weeks[weeks->count - 1];

	printf("store-weeks  %zu\nstores       %zu\nweeks        %d to %d\n"
	       "units        %lld\n",
	       weeks->count, weeks->stores_count, first->week, last->week,
	       (long long)weeks->units);
}

/* -- public -------------------------------------------------------------- */

int
oj_read_main(int argc, char **argv)
{
	static const struct option OPTIONS[] = {
		{ "csv", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	struct oj_weeks weeks;
	struct oj_err err;
	bool csv = false;
	int letter;

	while ((letter = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		if (letter == 'h') {
			fputs(HELP, stdout);
			return OJ_EXIT_OK;
		}
		if (letter != 'c')
			return OJ_EXIT_USAGE;
		csv = true;
	}
	if (optind + 1 != argc) {
		fputs(HELP, stderr);
		return OJ_EXIT_USAGE;
	}
	if (!oj_week_table_read(argv[optind], &weeks, &err)) {
		fprintf(stderr, "orange-juice: %s\n", err.text);
		return OJ_EXIT_FAILED;
	}
	if (csv)
		print_csv(&weeks);
	else
		print_summary(&weeks);
	oj_week_table_fini(&weeks);
	return fflush(stdout) == 0 ? OJ_EXIT_OK : OJ_EXIT_FAILED;
}
