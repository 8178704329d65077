"""What a request to GraphQL does: every operation, fragment and value of it."""

import json
import time
import tracemalloc
import unittest

from guarded import GuardCase, guard, operations

MERGE = 'mergePullRequest(input:{pullRequestId:"x"}){clientMutationId}'
COMMENT = 'addComment(input:{subjectId:"x",body:"y"}){clientMutationId}'


class Asking(GuardCase):
    def passes_as(self, operation, query, variables=None, by=None, **more):
        self.passes(operation, "POST", "/graphql", self.body(query, variables, more), by=by)

    def refuses(self, reason, query, variables=None, by=None, operation=None, **more):
        body = self.body(query, variables, more)
        return self.refused(reason, "POST", "/graphql", body, by=by, operation=operation)

    @staticmethod
    def body(query, variables, more):
        value = {"query": query, **more}
        if variables is not None:
            value["variables"] = variables
        return json.dumps(value).encode()


class Documents(Asking):
    def test_reading_passes(self):
        for query in (
            "{viewer{login}}", "query{viewer{login}}", "query A{a:viewer{login}} query B{viewer{id}}",
            "query($n:Int=10){repository(owner:\"o\",name:\"mergePullRequest\"){id}}",
            "# mutation{mergePullRequest}\n{viewer{login}}", "{viewer{login}} # mergePullRequest",
            '{search(query:"mutation { mergePullRequest }",type:ISSUE){issueCount}}',
            "fragment pr on PullRequest{number,title} query{repository{pullRequest(number:1){...pr}}}",
            "{node(id:\"x\"){... on PullRequest{mergeable,merged,autoMergeRequest{mergeMethod}}}}",
            "query mergePullRequest{viewer{login}}", "{mergePullRequest:viewer{login}}",
            "{__type(name:\"Mutation\"){fields{name}}}", "{viewer{login @include(if:true)}}",
            '{search(query:"""mergePullRequest # "" """,type:ISSUE){issueCount}}'.replace('""  ', " "),
            "\t{\r\n viewer , { login } }\n", '{a(x:"\\"} mutation {"){b}}', '{a(x:"ü日"){b}}', "{a(b:-1.5e3){c}}",
        ):  # fmt: skip
            if '"""' in query and '""' in query.replace('"""', ""):
                continue
            self.passes_as("read", query)
            self.passes_as("read", query, {}, operationName="A")
            self.passes_as("read", query, {"a": "mergePullRequest", "b": {"event": "APPROVE"}})
            self.passes_as("read", query, None, extensions={}, operationName=None)

    def test_ordinary_writes(self):
        self.passes_as("issue-write", "mutation{%s}" % COMMENT)
        for operation, name, value in (
            ("issue-write", "createIssue", {"repositoryId": "R", "title": "mergePullRequest"}),
            ("pr-write", "createPullRequest", {"repositoryId": "R", "baseRefName": "main", "headRefName": "x"}),
            ("pr-write", "addPullRequestReview", {"pullRequestId": "P", "event": "COMMENT", "body": "APPROVE"}),
            ("pr-write", "submitPullRequestReview", {"pullRequestReviewId": "P", "event": "REQUEST_CHANGES"}),
            ("pr-write", "closePullRequest", {"pullRequestId": "P"}), ("pr-write", "updatePullRequest", {}),
            ("issue-write", "addLabelsToLabelable", {"labelableId": "I", "labelIds": ["L"]}),
        ):  # fmt: skip
            query = "mutation M($input:X!){%s(input:$input){clientMutationId}}" % name
            self.passes_as(operation, query, {"input": value})

    def test_each_operation(self):
        for operation, names in (
            ("pr-merge", "mergePullRequest"), ("merge-queue", "enqueuePullRequest dequeuePullRequest"),
            ("auto-merge", "enablePullRequestAutoMerge disablePullRequestAutoMerge"),
            ("branch-merge", "mergeBranch updatePullRequestBranch"), ("delete-ref", "deleteRef"),
            ("pr-approve", "dismissPullRequestReview"),
            ("ref-update", "createRef updateRef updateRefs createLinkedBranch revertPullRequest"),
            ("contents-write", "createCommitOnBranch"), ("workflow-dispatch", "approveDeployments"),
            ("settings", "deleteIssue transferIssue createRepository updateBranchProtectionRule archiveRepository"),
            ("other-writes", "addStar createDeployment aNewThing createProjectV2 createCheckRun"),
        ):  # fmt: skip
            for name in names.split():
                for query in (
                    "mutation{%s(input:{a:1}){b}}", "mutation{a:%s(input:{a:1}){b}}", "mutation A{x:__typename %s}",
                    "mutation{...{%s(input:{a:1}){b}}}", "mutation{...@include(if:false){%s}}",
                    "mutation{... on Mutation{a:%s}}", "mutation{...f}fragment f on Mutation{%s}",
                    "mutation{...f}fragment f on Mutation{...g}fragment g on Mutation{%s}",
                    "query A{viewer{login}}mutation B{%s}", "mutation B{%s}query A{viewer{login}}",
                    "mutation{%s @skip(if:true)}", "{viewer{login}}fragment f on Mutation{%s}",
                    "mutation{addComment(input:{}){a} %s}", "#\nmutation\n#{\n{#}\n%s}", "mutation($a:B=1){%s}",
                    "mutation{ \\u006da:%s}".replace("\\u006d", ""), "mutation @a{%s}", "mutation{a b ... on X{%s}}",
                ):  # fmt: skip
                    query = query % name
                    self.refuses("operation", query, {}, operation=operation)
                    self.refuses("operation", query, operationName="A", operation=operation)
        for query in ("{mergePullRequest}", "query{a:mergePullRequest}", "{...f}fragment f on Q{mergePullRequest}",
                      "{merge_pull_request}", "{MergePullRequest}", "{...on Mutation{mergePullRequest}}"):  # fmt: skip
            self.refuses("operation", query, operation="pr-merge")
        self.refuses("operation", "mutation{merge_pull_request}", by=guard(other_writes="allow"), operation="pr-merge")

    def test_approving(self):
        by = {"pr-write": "addPullRequestReview", "x": "submitPullRequestReview"}
        for name in by.values():
            for query, variables in (
                ("mutation{%s(input:{event:APPROVE}){a}}", None), ('mutation{%s(input:{event:"APPROVE"}){a}}', {}),
                ("mutation($e:E){%s(input:{event:$e}){a}}", {"e": "APPROVE"}),
                ("mutation($i:E){%s(input:$i){a}}", {"i": {"event": "APPROVE"}}),
                ("mutation($i:E){%s(input:$i){a}}", {"i": {"event": "approve"}}),
                ("mutation($i:E){%s(input:$i){a}}", {"i": [{"event": ["APPROVE"]}]}),
                ("mutation($e:E=APPROVE){%s(input:{event:$e}){a}}", {}),
                ("mutation($e:E=APPROVE){%s(input:{event:$e}){a}}", {"e": None}),
                ('mutation($e:E="APPROVE"){%s(input:{event:$e}){a}}', None),
                ("mutation{...f}fragment f on Mutation{%s(input:{event:APPROVE}){a}}", None),
                ("mutation($e:E){...f}fragment f on Mutation{%s(input:{event:$e}){a}}", {"e": "APPROVE"}),
                ("mutation A{a}mutation B($e:E=APPROVE){%s(input:{event:$e}){a}}", {"f": 1}),
                ("mutation{%s(input:{event:COMMENT,event:APPROVE}){a}}", None),
                ("mutation{%s(input:{event:COMMENT}input:{event:APPROVE}){a}}", None),
                ("mutation{%s(input:{event:COMMENT}){a}b:%s(input:{event:APPROVE}){a}}", None),
                ("{viewer{login}}fragment f on Mutation{%s(input:{event:$e}){a}}", {"e": "APPROVE"}),
            ):  # fmt: skip
                query = query.replace("%s", name).replace("A{a}", "A{addComment{a}}")
                self.refuses("operation", query, variables, operation="pr-approve")
        self.passes_as("pr-write", "mutation($e:E=APPROVE){addPullRequestReview(input:{event:$e}){a}}", {"e": "COMMENT"})
        self.refuses("unclear", 'mutation($i:E={event:APPROVE}){addPullRequestReview(input:$i){a}}')

    def test_what_is_not_understood(self):
        for query in (
            "", " ", "{", "}", "viewer", "{viewer{login}", "subscription{a}", "query{a}subscription{b}",
            "type Mutation{a:Int}", "extend type Query{a:Int}", "schema{query:A}", "{a}{b", "mutation{...f}",
            "query{...f}", "{a(b:$c)}mutation{addComment(input:$c){a}}", "fragment f on Mutation{a}", "{a(b:)}",
            "{a}fragment f on A{b}fragment f on B{mergePullRequest}", "mutation{addComment(a:{b:$x})}", "{a\0}",
            "{a} #\u2028mutation{mergePullRequest}", "{a} # \r mutation{mergePullRequest}", "\ufeff{a}", "{a\x0b}",
            "{a} #\x85mutation{mergePullRequest}", '{a(x:"""b"c""")}', '{a(x:"""\\""" mutation""")}', "{a(b:'c')}",
            '{a(x:"b\nc")}', "mutation($a:B,$a:C){addComment(a:$a)}", "{" * 200 + "}" * 200, "{a\u00a0}", "{ａ}",
            "{a(b:" + "[" * 5000 + "]" * 5000 + ")}", "{" + "a " * 40000 + "}", "{" + "a " * 3000 + "}",
            '{a(b:"\\ud800")}', '{a(b:"\\x")}', "{a}\x1b", "{\u202ea}",
        ):  # fmt: skip
            self.refuses("unclear", query)

    def test_bodies(self):
        good = "{viewer{login}}"
        for value in (
            [], [{"query": good}], {"query": good, "id": "x"}, {"query": good, "documentId": "x"}, {"id": "x"},
            {"query": good, "extensions": {"persistedQuery": {"sha256Hash": "x"}}}, {"documentId": "x"}, None,
            {"extensions": {"persistedQuery": {}}}, {"query": None}, {"query": [good]}, {"query": {"a": good}},
            {"query": good, "variables": "{}"}, {"query": good, "variables": []}, {"query": good, "Query": good},
            {"query": good, "operationName": 1}, {"query": good, "mutation": "x"}, {"query": good, "batch": []},
            {"QUERY": good}, good, 1, {"query": good, "query ": "x"}, {"query": good, "doc_id": "1"},
        ):  # fmt: skip
            self.refused("unclear", "POST", "/graphql", json.dumps(value).encode())
        plain = json.dumps({"query": good}).encode()
        merge = "mutation{%s}" % MERGE
        escaped = json.dumps({"query": merge}).replace("mergePull", "\\u006derge\\u0050ull").encode()
        self.refused("operation", "POST", "/graphql", escaped, operation="pr-merge")
        for body in (
            b"", b'{"query":"{a}","query":"mutation{mergePullRequest}"}', b'{"query":"{a}","\\u0071uery":"{b}"}',
            plain + b" x", plain * 2, b"\xef\xbb\xbf" + plain, plain.decode().encode("utf-16"), b"query={a}",
            plain.decode().encode("utf-32"), b"\0" + plain, plain.replace(b"login", b"\xff"), good.encode(),
            b'{"query":"{a}","variables":{"a":NaN}}', b'{"query":"{a}","variables":{"a":1,"a":2}}',
            b'{"query":"{a}","variables":' + b'{"a":' * 3000 + b"1" + b"}" * 3001, b"[" * 99999,
            b'{"query":"{a}\\ud800"}', b'{"query":"{a}",}', b'{"query":"{a}"/*x*/}',
        ):  # fmt: skip
            self.refused("unclear", "POST", "/graphql", body)
        for kind in ("application/graphql", "multipart/form-data; boundary=x", "text/html", "application/json;charset=utf-16"):
            self.refused("unclear", "POST", "/graphql", plain, content_type=kind)
        form = "application/x-www-form-urlencoded"
        self.passes("read", "POST", "/graphql", plain, content_type=form)
        for body in (b'{"query":"{a}","variables":{"x":"&query=mutation{mergePullRequest}&"}}', b"query=%7Ba%7D",
                     b'{"query":"{a}","variables":{"x":";QUERY=mutation{mergePullRequest}"}}'):  # fmt: skip
            self.refused("unclear", "POST", "/graphql", body, content_type=form)
        for target in ("/graphql?query=mutation", "/graphql/?a", "/graphql?a=b"):
            self.refused("unclear", "POST", target, plain)
        for target in ("/GRAPHQL", "/graphql/", "/api/graphql", "/%67raphql", "/api/v3/graphql", "/graphql.json"):
            self.refused("operation", "POST", target, escaped, operation="pr-merge")
            self.refused("operation", "POST", target, escaped, operation="pr-merge", host="git.corp.example")
        for method in ("PUT", "PATCH", "DELETE"):
            self.refused("operation", method, "/graphql", escaped, operation="pr-merge")
        self.passes("read", "POST", "/api/graphql", plain, host="git.corp.example")


class Values(Asking):
    def commit(self, branch, by, **more):
        query = "mutation($i:X!){createCommitOnBranch(input:$i){a}}"
        value = {"i": {"branch": branch, "expectedHeadOid": "x", **more}}
        body = self.body(query, value, {})
        return self.ask("POST", "/graphql", body, by=by)

    def test_branches(self):
        by = guard(contents_write="allow", ref_update="allow", delete_ref="allow")
        named = {"repositoryNameWithOwner": "o/r"}
        self.assertEqual(self.commit({**named, "branchName": "x"}, by).kind, "allow")
        for branch in (
            {"branchName": "main"}, {"branchName": "refs/heads/main"}, {"branchName": "MAIN"}, {"id": "REF_x"}, {},
            {"branchName": "x", "id": "REF_x"}, {"branchName": ["x", "main"]}, {"branchName": None}, None,
            {"branchName": 1}, {"branchName": "refs/tags/x"}, {"branchName": ""}, {"branchName": "x", "Id": "y"},
            {"branch_name": "x", "ID": "y"},
        ):  # fmt: skip
            verdict = self.commit(branch and {**named, **branch}, by)
            self.assertEqual((verdict.kind, verdict.reason), ("refuse", "branch"), branch)
        create = "mutation($n:String=\"main\"){createRef(input:{repositoryId:\"R\",name:$n,oid:\"1\"}){a}}"
        self.passes_as("ref-update", create, {"n": "refs/heads/x"}, by=by)
        for variables in ({}, {"n": None}, {"n": "refs/heads/main"}, {"n": "main"}, {"n": "refs/tags/v1"}):
            self.refuses("branch", create, variables, by=by)
        for name in ("updateRef(input:{refId:\"x\"})", "deleteRef(input:{refId:\"x\"})", "revertPullRequest(input:{})",
                     "updateRef(input:{refId:\"x\",name:\"x\"})"):  # fmt: skip
            self.refuses("branch", "mutation{%s{a}}" % name, by=by)
        updates = 'mutation{updateRefs(input:{repositoryId:"R",refUpdates:[{name:"refs/heads/a",afterOid:"%s"%s}%s]}){a}}'
        self.passes_as("ref-update", updates % ("1", "", ""), by=by)
        self.refuses("operation", updates % ("1", ",force:true", ""), by=by, operation="force-push")
        self.refuses("branch", updates % ("1", "", '{name:"refs/heads/main",afterOid:"1"}'), by=by)
        less = guard(ref_update="allow")
        self.refuses("operation", updates % ("0" * 40, "", ""), by=less, operation="delete-ref")

    def test_nodes(self):
        by = guard(repositories=["me/*"], nodes=["R_1", "PR_1"], contents_write="allow")
        query = "mutation($i:X!){%s(input:$i){a}}"
        self.passes_as("issue-write", query % "createIssue", {"i": {"repositoryId": "R_1", "title": "x"}}, by=by)
        self.passes_as("issue-write", query % "addComment", {"i": {"subjectId": "PR_1", "clientMutationId": "x"}}, by=by)
        self.passes_as("read", '{node(id:"R_2"){id}}', by=by)
        for name, value in (
            ("createIssue", {"repositoryId": "R_2"}), ("createIssue", {}), ("createIssue", {"repositoryId": None}),
            ("addComment", {"subjectId": "r_1"}), ("addComment", {"subjectId": ["PR_1", "PR_2"]}),
            ("createIssue", {"repositoryId": "R_1", "assigneeIds": ["U_2"]}), ("addComment", {"subjectId": 1}),
            ("addPullRequestReviewComment", {"pullRequestId": "PR_1", "inReplyTo": "X"}),
            ("addLabelsToLabelable", {"labelableId": "PR_1", "labelIds": ["PR_1", "L_1"]}),
        ):  # fmt: skip
            self.refuses("repository", query % name, {"i": value}, by=by)
        good = {"branchName": "x", "repositoryNameWithOwner": "Me/r"}
        self.assertEqual(self.commit(good, by).kind, "allow")
        for name in ("you/r", "me", "me/r/x", 1, None, ["me/r", "you/r"], ""):
            verdict = self.commit({**good, "repositoryNameWithOwner": name}, by)
            self.assertEqual(verdict.reason, "repository", name)

    def test_deployments(self):
        by = guard(other_writes="allow")
        query = 'mutation{createDeployment(input:{refId:"x"%s}){a}}'
        self.passes_as("other-writes", query % ",autoMerge:false", by=by)
        for more in ("", ",autoMerge:true", ",autoMerge:null", ",autoMerge:false,autoMerge:true"):
            self.refuses("operation", query % more, by=by, operation="branch-merge")


class Bounds(Asking):
    def test_time_and_memory(self):
        """The largest that is taken, and the worst that is not."""
        start = time.process_time()
        tracemalloc.start()
        for query in (
            "{" + "a(b:1){c} " * 1990 + "}", "{a" + "{a" * 60 + "}" * 61, '{a(b:"' + "\\n" * 30000 + '")}',
            "#" * 65000 + "\n{a}", "".join(f"fragment f{n} on A{{...f{n + 1}}}" for n in range(900)) + "{a}",
            "mutation{" + "".join("...f" for _ in range(1500)) + "}fragment f on A{...f}", '"' * 65000,
            "{a(b:" + "{c:" * 5000, "\\" * 60000, "{a(b:[" + "1 " * 30000 + "])}", '"""' * 20000,
        ):  # fmt: skip
            self.ask("POST", "/graphql", self.body(query, None, {}))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertLess(peak, 64 << 20)
        self.assertLess(time.process_time() - start, 20)

    def test_what_is_kept_is_bounded(self):
        by = guard()
        for number in range(500):
            self.ask("POST", "/graphql", self.body("{a%d}" % number, None, {}), by=by)
        self.assertLessEqual(len(by.documents.kept), operations.KEPT_DOCUMENTS)

    def test_ordinary_ones_take_no_time(self):
        query = "query($o:String!){repository(owner:$o,name:\"r\"){pullRequests(first:30){nodes{" + "a,b,c," * 20 + "id}}}}"
        body = self.body(query, {"o": "o"}, {})
        for request in (
            ("GET", "/repos/o/r/pulls/1?a=b"), ("POST", "/repos/o/r/issues", b'{"title":"a"}'),
            ("PUT", "/repos/o/r/pulls/1/merge"), ("POST", "/graphql", body),
        ):  # fmt: skip
            self.ask(*request)
            took = []
            for _ in range(50):
                start = time.process_time()
                self.ask(*request)
                took.append(time.process_time() - start)
            self.assertLess(sorted(took)[25], 0.001, request)


if __name__ == "__main__":
    unittest.main()
