# Installed to $(pkgdatadir)/sql, where the daemon looks for migrations:
#	nobase_dist_pkgdata_DATA += %D%/0001_noun.sql
EXTRA_DIST += %D%/README.md
