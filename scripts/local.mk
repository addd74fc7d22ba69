EXTRA_DIST += %D%/README.md %D%/format %D%/kafka
