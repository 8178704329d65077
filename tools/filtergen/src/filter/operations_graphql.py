# ---------------------------------------------------------------- GraphQL

import collections
import re

# What each mutation does: the operation, then the mutations. What is not here
# is other-writes.
MUTATION_TABLE = """
pr-merge mergePullRequest
auto-merge enablePullRequestAutoMerge disablePullRequestAutoMerge
merge-queue enqueuePullRequest dequeuePullRequest
branch-merge mergeBranch updatePullRequestBranch
ref-update createRef updateRef updateRefs createLinkedBranch revertPullRequest
delete-ref deleteRef
pr-approve dismissPullRequestReview
contents-write createCommitOnBranch
pr-write addPullRequestReview submitPullRequestReview addPullRequestReviewComment
pr-write addPullRequestReviewThread addPullRequestReviewThreadReply
pr-write closePullRequest convertPullRequestToDraft createPullRequest
pr-write deletePullRequestReview deletePullRequestReviewComment
pr-write markFileAsViewed markPullRequestReadyForReview reopenPullRequest requestReviews
pr-write requestReviewsByLogin resolveReviewThread unmarkFileAsViewed unresolveReviewThread
pr-write updatePullRequest updatePullRequestReview updatePullRequestReviewComment
issue-write addAssigneesToAssignable addBlockedBy addComment addLabelsToLabelable addReaction
issue-write addSubIssue clearLabelsFromLabelable closeIssue createIssue createLabel
issue-write deleteIssueComment deleteLabel deleteLinkedBranch lockLockable minimizeComment
issue-write pinIssue removeAssigneesFromAssignable removeBlockedBy removeLabelsFromLabelable
issue-write removeReaction removeSubIssue reopenIssue replaceActorsForAssignable
issue-write reprioritizeSubIssue unlockLockable unmarkIssueAsDuplicate
issue-write unminimizeComment unpinIssue updateIssue updateIssueComment updateIssueIssueType
issue-write updateLabel
workflow-dispatch approveDeployments rejectDeployments rerequestCheckSuite
settings acceptEnterpriseAdministratorInvitation acceptEnterpriseMemberInvitation
settings acceptTopicSuggestion accessUserNamespaceRepository addEnterpriseOrganizationMember
settings addEnterpriseSupportEntitlement addVerifiableDomain approveVerifiableDomain
settings archiveRepository cancelEnterpriseAdminInvitation cancelEnterpriseMemberInvitation
settings cloneTemplateRepository createBranchProtectionRule createEnterpriseOrganization
settings createEnvironment createIpAllowListEntry createIssueType createMigrationSource
settings createRepository createRepositoryRuleset declineTopicSuggestion
settings deleteBranchProtectionRule deleteEnvironment deleteIpAllowListEntry deleteIssue
settings deleteIssueType transferIssue
settings deleteRepositoryRuleset deleteVerifiableDomain
settings grantEnterpriseOrganizationsMigratorRole grantMigratorRole inviteEnterpriseAdmin
settings inviteEnterpriseMember pinEnvironment regenerateEnterpriseIdentityProviderRecoveryCodes
settings regenerateVerifiableDomainToken removeEnterpriseAdmin removeEnterpriseIdentityProvider
settings removeEnterpriseMember removeEnterpriseOrganization removeEnterpriseSupportEntitlement
settings removeOutsideCollaborator reorderEnvironment revokeEnterpriseOrganizationsMigratorRole
settings revokeMigratorRole setEnterpriseIdentityProvider setOrganizationInteractionLimit
settings setRepositoryInteractionLimit setUserInteractionLimit startOrganizationMigration
settings startRepositoryMigration transferEnterpriseOrganization unarchiveRepository
settings updateBranchProtectionRule updateCheckSuitePreferences
settings updateEnterpriseAdministratorRole updateEnterpriseAllowPrivateRepositoryForkingSetting
settings updateEnterpriseDefaultRepositoryPermissionSetting updateEnterpriseDeployKeySetting
settings updateEnterpriseMembersCanChangeRepositoryVisibilitySetting
settings updateEnterpriseMembersCanCreateRepositoriesSetting
settings updateEnterpriseMembersCanDeleteIssuesSetting
settings updateEnterpriseMembersCanDeleteRepositoriesSetting
settings updateEnterpriseMembersCanInviteCollaboratorsSetting
settings updateEnterpriseMembersCanMakePurchasesSetting
settings updateEnterpriseMembersCanUpdateProtectedBranchesSetting
settings updateEnterpriseMembersCanViewDependencyInsightsSetting
settings updateEnterpriseOrganizationProjectsSetting updateEnterpriseOwnerOrganizationRole
settings updateEnterpriseProfile updateEnterpriseRepositoryProjectsSetting
settings updateEnterpriseTeamDiscussionsSetting
settings updateEnterpriseTwoFactorAuthenticationDisallowedMethodsSetting
settings updateEnterpriseTwoFactorAuthenticationRequiredSetting updateEnvironment
settings updateIpAllowListEnabledSetting updateIpAllowListEntry updateIssueType
settings updateIpAllowListForInstalledAppsEnabledSetting updateNotificationRestrictionSetting
settings updateOrganizationAllowPrivateRepositoryForkingSetting
settings updateOrganizationWebCommitSignoffSetting updateRepository updateRepositoryRuleset
settings updateRepositoryWebCommitSignoffSetting updateTeamReviewAssignment
settings updateTeamsRepository updateTopics verifyVerifiableDomain
"""


def read_mutations(text):
    """Return the operation of each mutation, by its name as `plain_name` has it."""
    rows = (row.split() for row in text.strip().splitlines())
    return {plain_name(name): row[0] for row in rows for name in row[1:]}


def plain_name(name):
    return name.lower().replace("_", "")


MUTATIONS = read_mutations(MUTATION_TABLE)
GRAPHQL_KEYS = {"query", "variables", "operationname", "extensions", "id", "documentid", "doc_id"}
QUERY_LENGTH, QUERY_TOKENS, QUERY_DEPTH, QUERY_FIELDS = 64 << 10, 4000, 64, 2000
KEPT_DOCUMENTS, KEPT_LENGTH = 128, 16 << 10

# The tokens; those that have something in them which looks like others are told apart.
TOKENS = re.compile(
    r'(?P<block>"""(?P<inside>.*?)""")|"(?:[^"\\\n\r]|\\[^\n\r])*"|(?P<open>")'
    r"|#[^\n]*|(?P<bracket>[{}()\[\]])|(?P<odd>[^\t\n\r\x20-\x7e])|\w+|[^\s,]",
    re.S,
)
ODD = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]|\r(?!\n)")


class Root:
    """A field at the root of an operation: what it names is executed."""

    __slots__ = ("name", "writes", "leaves")

    def __init__(self, name, writes, leaves):
        self.name, self.writes, self.leaves = name, writes, leaves


class Documents:
    """Parses documents of GraphQL, and keeps those that came last: programs
    send the same ones again and again."""

    def __init__(self):
        try:
            from graphql import language
        except ImportError:
            raise ValueError("the policy has [github], and there is no graphql-core") from None
        self.language, self.kept = language, collections.OrderedDict()

    def roots(self, text):
        """Return what all operations of a document have at their root."""
        if text in self.kept:
            self.kept.move_to_end(text)
            return self.kept[text]
        scan_document(text)
        try:
            document = self.language.parse(text, no_location=True)
            roots = DocumentReader(self.language, document).roots
        except Refused:
            raise
        except Exception:  # noqa: BLE001, a syntax error, and whatever else is no GraphQL
            raise Refused("unclear", "its query is not GraphQL") from None
        if len(text) <= KEPT_LENGTH:
            self.kept[text] = roots
            if len(self.kept) > KEPT_DOCUMENTS:
                self.kept.popitem(last=False)
        return roots


def scan_document(text):
    """Refuse a document that is too large to parse, or in which one reader sees
    a comment or a string where another sees the next token."""
    if len(text) > QUERY_LENGTH:
        raise Refused("unclear", "its query is too long; give the values as variables")
    if ODD.search(text):
        raise Refused("unclear", "its query has a character that ends a line for some alone")
    depth = 0
    for count, token in enumerate(TOKENS.finditer(text)):
        if count > QUERY_TOKENS:
            raise Refused("unclear", "its query is too long; give the values as variables")
        inside = token["inside"]
        if token["open"] or token["odd"] or (inside and set(inside) & set('"\\')):
            raise Refused("unclear", "its query has a string that can be read in two ways")
        bracket = token["bracket"]
        if bracket:
            depth += 1 if bracket in "{([" else -1
            if depth > QUERY_DEPTH:
                raise Refused("unclear", "its query is nested too deep")


class DocumentReader:
    """Finds the root fields of a document."""

    def __init__(self, language, document):
        self.language, self.count = language, 0
        self.fragments, self.operations, self.roots = {}, [], []
        for one in document.definitions:
            if isinstance(one, language.OperationDefinitionNode):
                self.operations.append(one)
            elif isinstance(one, language.FragmentDefinitionNode):
                if one.name.value in self.fragments:
                    raise Refused("unclear", "its query has a fragment twice")
                self.fragments[one.name.value] = one
            else:
                raise Refused("unclear", "its query defines types")
        if not self.operations:
            raise Refused("unclear", "its query has no operation")
        used = set()
        for one in self.operations:
            self.read_operation(one, used)
        # Nobody executes a fragment that is not used; it is looked at all the same.
        for name in self.fragments.keys() - used:
            self.read_operation(self.fragments[name], set())

    def read_operation(self, one, used):
        fragment = isinstance(one, self.language.FragmentDefinitionNode)
        kind = "mutation" if fragment else one.operation.value
        if fragment and plain_name(one.type_condition.name.value) != "mutation":
            kind = "query"
        if kind not in ("query", "mutation"):
            raise Refused("unclear", "its query is a subscription")
        defaults = {}
        for variable in one.variable_definitions or ():
            name = variable.variable.name.value
            if name in defaults:
                raise Refused("unclear", "its query has a variable twice")
            defaults[name] = variable.default_value
        seen = set()
        for field in self.root_fields(one.selection_set, seen):
            name = field.name.value
            writes = kind == "mutation" or plain_name(name) in MUTATIONS
            writes = writes and not name.startswith("__")  # what there is can be asked anywhere
            leaves = self.leaves(field, defaults, fragment) if writes else ()
            self.roots.append(Root(name, writes, leaves))
        used |= seen

    def root_fields(self, selections, seen):
        """Yield the fields of a selection, through fragments; what directives
        leave out is not left out."""
        left = [selections]
        while left:
            for one in left.pop().selections:
                self.count += 1
                if self.count > QUERY_FIELDS:
                    raise Refused("unclear", "its query has too many fields")
                if isinstance(one, self.language.FieldNode):
                    yield one
                elif isinstance(one, self.language.InlineFragmentNode):
                    left.append(one.selection_set)
                elif one.name.value not in seen:
                    seen.add(one.name.value)
                    if one.name.value not in self.fragments:
                        raise Refused("unclear", "its query uses a fragment that it has not")
                    left.append(self.fragments[one.name.value].selection_set)

    def leaves(self, field, defaults, lenient):
        """Return the values in the arguments of a field: (key, value), where a
        variable is (key, None, name, default as leaves)."""
        found, left = [], [(one.name.value, one.value) for one in field.arguments or ()]
        language = self.language
        while left:
            key, node = left.pop()
            if isinstance(node, language.ObjectValueNode):
                left += [(one.name.value, one.value) for one in node.fields]
            elif isinstance(node, language.ListValueNode):
                left += [(key, one) for one in node.values]
            elif isinstance(node, language.VariableNode):
                found.append(self.variable(key, node.name.value, defaults, lenient))
            elif isinstance(node, language.NullValueNode):
                found.append((key, None))
            else:
                found.append((key, node.value))
        return found

    def variable(self, key, name, defaults, lenient):
        if name not in defaults and not lenient:
            raise Refused("unclear", "its query uses a variable that it has not")
        default = defaults.get(name)
        if default is None:
            return key, None, name, None
        if not isinstance(
            default,
            (
                self.language.StringValueNode, self.language.EnumValueNode,
                self.language.IntValueNode, self.language.BooleanValueNode,
                self.language.NullValueNode,
            ),
        ):  # fmt: skip
            raise Refused("unclear", "its query has a default that is an object")
        return key, None, name, (key, getattr(default, "value", None))


def values_of(leaves, variables):
    """Return (key, value) of all that a field is given, keys as `plain_name`
    has them. A default counts where it could be taken."""
    found = []
    for leaf in leaves:
        if len(leaf) == 2:
            found.append((plain_name(leaf[0]), leaf[1]))
            continue
        key, _, name, default = leaf
        given = variables.get(name)
        if given is not None:
            found += json_leaves(key, given)
        elif default is not None:
            found.append((plain_name(key), default[1]))
        else:
            found.append((plain_name(key), None))
    return found


def json_leaves(key, value):
    """Return (key, value) of all that is in a value of JSON."""
    found, left = [], [(key, value)]
    while left:
        key, value = left.pop()
        if isinstance(value, dict):
            left += value.items()
        elif isinstance(value, list):
            left += [(key, one) for one in value]
        else:
            found.append((plain_name(key), value))
    return found


def check_graphql(guard, headers, body, limit):
    """Decide on a request to GraphQL."""
    value = json_body(headers, body, limit, GRAPHQL_KEYS)
    if not isinstance(value, dict) or not isinstance(value.get("query"), str):
        raise Refused("unclear", "it is not one query of GraphQL in JSON")
    if not value.keys() <= {"query", "variables", "operationName", "extensions"}:
        raise Refused("unclear", "it has more in it than a query of GraphQL")
    variables = value.get("variables")
    variables = {} if variables is None else variables
    named = isinstance(value.get("operationName"), (str, type(None)))
    if not isinstance(variables, dict) or not named or value.get("extensions") not in (None, {}):
        raise Refused("unclear", "it is not one query of GraphQL in JSON")
    roots = [root for root in guard.documents.roots(value["query"]) if root.writes]
    decided = each_of(
        roots, lambda root: check_mutation(guard, root.name, values_of(root.leaves, variables))
    )
    return decided or "read"


def check_mutation(guard, name, values):
    """Decide on one mutation, by its name and the values that it is given."""
    operation = MUTATIONS.get(plain_name(name), "other-writes")
    given = collections.defaultdict(list)
    for key, value in values:
        given[key].append(value)
    if operation == "pr-write" and any(one not in HARMLESS_EVENTS for one in given["event"]):
        operation = "pr-approve"
    if not guard.allows(operation):
        shown = printable(name, 60)
        raise Refused("operation", f"{shown} is {operation}, which is refused", operation)
    check_nodes(guard, operation, given)
    check = MUTATION_CHECKS.get(plain_name(name))
    if check:
        check(guard, operation, given)
    if any(one not in (False, None) for one in given["force"]):
        if not guard.allows("force-push"):
            raise Refused("operation", "the operation force-push is refused", "force-push")
    return operation


# Keys with ids in them that do not end in `Id`, and others that do.
ID_KEYS = ("inreplyto", "reviewers")
NO_ID = ("clientmutationid", "oid")


def has_node(key):
    return key in ID_KEYS or (key.endswith(("id", "ids")) and not key.endswith(NO_ID))


def check_nodes(guard, operation, given):
    """Where only some repositories may be written to, a mutation must name what
    it changes by ids that the policy knows: GraphQL has no names for it."""
    if guard.repositories is None:
        return
    ids = []
    for key, values in given.items():
        if has_node(key):
            ids += [value for value in values if value is not None]
    for name in given["repositorynamewithowner"]:
        pair = name.split("/") if isinstance(name, str) else ()
        if len(pair) != 2 or not guard.has_repository(pair):
            raise Refused("repository", "it is for another repository", operation)
    if not ids and not given["repositorynamewithowner"]:
        raise Refused("repository", "it does not name a node that the policy knows", operation)
    for one in ids:
        if one not in guard.nodes:
            detail = f"the policy does not know the node {printable(one, 60)}"
            raise Refused("repository", detail, operation)


def check_refs(key):
    """Return a check that the refs under a key, of which there must be one, may
    be written. A ref that is named by its id is not known."""

    def check(guard, operation, given):
        names = [one for one in given[key] if one is not None] or [None]
        for name in [*names, *([None] if given["id"] or given["refid"] else [])]:
            known = isinstance(name, str) and name
            guard.permit_ref(full_ref(name) if known else None, operation)
        for new in given["afteroid"]:
            if isinstance(new, str) and not new.strip("0") and not guard.allows("delete-ref"):
                raise Refused("operation", "the operation delete-ref is refused", "delete-ref")

    return check


def check_deploying(guard, operation, given):
    """As with the API: it merges, if it is not told that it should not."""
    if not given["automerge"] or any(one is not False for one in given["automerge"]):
        if not guard.allows("branch-merge"):
            raise Refused("operation", "the operation branch-merge is refused", "branch-merge")


MUTATION_CHECKS = {
    "createdeployment": check_deploying,
    "createcommitonbranch": check_refs("branchname"),
    "createref": check_refs("name"),
    "updaterefs": check_refs("name"),
    "createlinkedbranch": check_refs("name"),
    "updateref": check_refs("refname"),
    "deleteref": check_refs("refname"),
    "revertpullrequest": check_refs("refname"),
}
