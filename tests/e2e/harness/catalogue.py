# Copyright The Waybill Authors. SPDX-License-Identifier: Apache-2.0
"""A folder for `waybill apply -f`: YAML and schemas. JSON is YAML too."""

import json
import os

SEPARATOR = "\n---\n"


class Catalogue:
    def __init__(self, deployment, clusters, feeds, lanes=2,
                 durability="development"):
        """clusters: name -> (bootstrap, roles) ; feeds: FeedUnderTest."""
        self.deployment = deployment
        self.clusters = clusters
        self.feeds = list(feeds)
        self.lanes = lanes
        self.durability = durability
        self.properties = {}      # cluster -> librdkafka properties
        self.quotas = {}          # tenant -> its quota

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        documents = [{"deployment": self.deployment, "lanes": self.lanes,
                      "durability": self.durability}]
        for name, (bootstrap, roles) in self.clusters.items():
            documents.append({"cluster": name, "bootstrap": bootstrap,
                              "roles": list(roles),
                              "properties": self.properties.get(name, {})})
        inputs = [n for n, (_, r) in self.clusters.items() if "input" in r]
        for tenant in sorted({f.tenant for f in self.feeds}):
            documents.append({
                "tenant": tenant, "title": tenant.upper(),
                "feeds": [self._feed(folder, f, inputs[0])
                          for f in self.feeds if f.tenant == tenant]})
            if tenant in self.quotas:
                documents[-1]["quota"] = self.quotas[tenant]
        path = os.path.join(folder, "deployment.yaml")
        with open(path, "w") as f:
            f.write(SEPARATOR.join(json.dumps(d, indent=1)
                                   for d in documents))
        return folder

    @staticmethod
    def _feed(folder, feed, cluster):
        schema = "%s-%s.avsc" % (feed.tenant, feed.feed)
        with open(os.path.join(folder, schema), "w") as f:
            json.dump(feed.contract.schema, f, indent=1)
        output = {"topic": feed.output}
        if feed.outputs:
            output["clusters"] = list(feed.outputs)
        return dict({
            "feed": feed.feed, "contract": schema,
            "input": {"cluster": cluster, "topic": feed.input},
            "output": output,
            "dead-letter": {"topic": feed.dead,
                            "partitions": feed.dead_partitions},
            "partitions": feed.partitions}, **feed.settings)
