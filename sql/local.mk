# Installed to $(pkgdatadir)/sql, where migrations are looked for.
nobase_dist_pkgdata_DATA += \
	%D%/0001_role.sql \
	%D%/0002_catalogue.sql \
	%D%/0003_lane.sql \
	%D%/0004_journal.sql \
	%D%/0005_access.sql \
	%D%/0006_feed_topic.sql \
	%D%/0007_submission.sql \
	%D%/0008_dedup.sql \
	%D%/0009_daemon_secret.sql \
	%D%/checks/comments.sql \
	%D%/checks/journal.sql \
	%D%/checks/privileges.sql \
	%D%/checks/row_security.sql \
	%D%/functions/access.sql \
	%D%/functions/catalogue.sql \
	%D%/functions/file.sql \
	%D%/functions/journal.sql \
	%D%/functions/key.sql \
	%D%/functions/lane.sql \
	%D%/functions/message.sql \
	%D%/functions/owner.sql \
	%D%/functions/submission.sql \
	%D%/functions/tenant.sql \
	%D%/functions/today.sql \
	%D%/policies.sql
EXTRA_DIST += %D%/README.md

# A program of a build finds it beside itself.
all-local: sql-link
distclean-local: sql-unlink
sql-link:
	@test -e sql || ln -s $(abs_top_srcdir)/%D% sql
sql-unlink:
	@test ! -h sql || rm -f sql

.PHONY: sql-link sql-unlink
