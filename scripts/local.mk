EXTRA_DIST += %D%/README.md %D%/format %D%/install-packages %D%/kafka
EXTRA_DIST += %D%/refresh-reference
EXTRA_DIST += %D%/quickstart/road.sh \
	%D%/quickstart/say.sh %D%/quickstart/build.sh \
	%D%/quickstart/servers.sh %D%/quickstart/show.sh \
	%D%/quickstart/counts.sql
